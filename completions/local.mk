# Completion scripts: made by cmd/gencli of the option tables, see man/local.mk.
completions = %D%/kvmig %D%/_kvmig %D%/kvmig.fish

bashcompletiondir = $(datadir)/bash-completion/completions
zshcompletiondir = $(datadir)/zsh/site-functions
fishcompletiondir = $(datadir)/fish/vendor_completions.d
dist_bashcompletion_DATA = %D%/kvmig
dist_zshcompletion_DATA = %D%/_kvmig
dist_fishcompletion_DATA = %D%/kvmig.fish

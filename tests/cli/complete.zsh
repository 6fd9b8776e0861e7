setopt extendedglob
# What zsh shows for a command line and TAB, driven through a pseudo-terminal: complete.zsh FOLDER-OF-_kvmig LINE
zmodload zsh/zpty
zpty shell zsh -f -i
send() { zpty -w shell "$1" }
# Reads until the marker has been seen, or for a minute.
expect() {
	local text= piece i
	for ((i = 0; i < 6000; i++)); do
		if zpty -rt shell piece; then
			text+=$piece
			[[ $text == *$1* ]] && break
		else
			sleep 0.01
		fi
	done
	REPLY=$text
}
send "PS1= PS2= RPS1=; unset zle_bracketed_paste; stty -echo rows 100; fpath=($1 \$fpath)"
send "autoload -Uz compinit; compinit -u -D; LISTMAX=1000; setopt NO_LIST_AMBIGUOUS NO_BEEP NO_PROMPT_SP"
send "zstyle ':completion:*' list-prompt ''; zstyle ':completion:*' menu no; zstyle ':completion:*' list-colors"
# Shows the line as it stands then.
send "finish() { zle -I; print -r -- \"LINE<\$BUFFER>\"; BUFFER= }; zle -N finish; bindkey '^X' finish"
send "print rea''dy"
expect ready
zpty -wn shell "$2"$'\t'
sleep 0.2
zpty -wn shell $'\x18'
expect 'LINE<'
# Escape sequences are none of the test's business.
print -r -- "${${REPLY//$'\e'\[[0-9;?]#[a-zA-Z]/}//$'\r'/}"
zpty -d shell

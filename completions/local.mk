# files of completions

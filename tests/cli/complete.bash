# What bash offers for a command line: complete.bash SCRIPT LINE. The line is split as readline does it.
source "$1"
COMP_LINE=$2 COMP_POINT=${#2}
COMP_WORDS=()
rest=$2
while [[ $rest ]]; do
	if [[ $rest =~ ^[[:blank:]]+ ]]; then
		rest=${rest:${#BASH_REMATCH[0]}}
		[[ $rest ]] || COMP_WORDS+=('')
	elif [[ $rest =~ ^[=:]+ || $rest =~ ^[^=:[:blank:]]+ ]]; then
		COMP_WORDS+=("${BASH_REMATCH[0]}")
		rest=${rest:${#BASH_REMATCH[0]}}
	fi
done
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_kvmig 2>&1
((${#COMPREPLY[@]})) && printf '%s\n' "${COMPREPLY[@]}"
exit 0

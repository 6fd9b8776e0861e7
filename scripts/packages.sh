# Sourced by quickstart and check: what is needed beyond a fresh Debian 12, and how it is installed.
# shellcheck shell=sh
# shellcheck disable=SC2034 # used by those who source this

packages_build='build-essential autoconf automake libtool pkg-config groff-base
libglib2.0-dev libsqlite3-dev libcjson-dev libyaml-dev libvirt-dev
libcurl4-openssl-dev libssl-dev'
packages_lab='libvirt-daemon libvirt-daemon-driver-qemu libvirt-daemon-system libvirt-clients
qemu-system-x86 iproute2 util-linux procps'
packages_kube='etcd-server python3-venv curl jq util-linux'
packages_check='git clang clang-tidy libclang-rt-14-dev cppcheck valgrind shellcheck jq bash zsh fish mandoc man-db
xz-utils python3-minimal expect openssl sqlite3'

say() {
	printf '== %s\n' "$*"
}

# install_packages WORD…: installs those that are missing, as root or with sudo, and says which.
install_packages() {
	missing=
	for package in "$@"; do
		if ! dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed'; then
			missing="$missing $package"
		fi
	done
	if [ -z "$missing" ]; then
		say "nothing to install: every package that is needed is there"
		return 0
	fi
	as_root=
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null || {
			echo "error: these packages are missing and there is no sudo:$missing" >&2
			echo "hint: install them as root, then run this again" >&2
			exit 1
		}
		as_root=sudo
	fi
	say "installing with apt-get:$missing"
	$as_root apt-get update -qq
	# shellcheck disable=SC2086 # words
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
	# The tests start an etcd of their own; that of the package is not wanted as a service of this machine.
	case " $missing " in
	*" etcd-server "*) [ ! -d /run/systemd/system ] || $as_root systemctl disable -q --now etcd ;;
	esac
}

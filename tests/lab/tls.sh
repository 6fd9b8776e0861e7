#!/bin/sh
# Encrypted migration, which is what real hosts have unless disableTLS says otherwise: with certificates it moves, with
# those of a stranger it is refused and the guest stays.
# shellcheck disable=SC2317 # functions are called through check
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
KVMIG_CONTEXT=lab
export KVMIG_CONTEXT

authority() { # FOLDER
	mkdir -p "$1"
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1/key" -out "$1/cert" -days 2 -subj "/CN=${1##*/}" \
		-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
}

# One certificate is both server's and client's: every node is both.
certificates() { # NODE AUTHORITY
	pki=$LAB_TOP/pki/$1
	mkdir -p "$pki"
	cat >"$LAB_TOP/ext" <<END
subjectAltName=DNS:$(hostname),DNS:$1,IP:192.0.2.${1#n}
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature,keyEncipherment
extendedKeyUsage=serverAuth,clientAuth
END
	openssl req -newkey rsa:2048 -nodes -keyout "$pki/server-key.pem" -out "$LAB_TOP/csr" -subj "/CN=$1" &&
		openssl x509 -req -in "$LAB_TOP/csr" -CA "$2/cert" -CAkey "$2/key" -CAcreateserial -days 2 \
			-extfile "$LAB_TOP/ext" -out "$pki/server-cert.pem" &&
		cp "$pki/server-key.pem" "$pki/client-key.pem" && cp "$pki/server-cert.pem" "$pki/client-cert.pem" &&
		cp "$2/cert" "$pki/ca-cert.pem" && chown -R "$LAB_USER" "$LAB_TOP/pki"
}

# Daemons read their configuration when they start; guests live on meanwhile.
with_certificates() { # NODE…
	for node; do
		conf=$(find "$LAB/$node" -name qemu.conf)
		echo "migrate_tls_x509_cert_dir = \"$LAB_TOP/pki/$node\"" >>"${conf:?}" &&
			kill_part "$node-daemon" || return 1
	done
	kvmig lab up -q --nodes 2
}

moves() { # FROM TO
	kvmig migrate vm1 --node "$2" --wait && assert_only_on vm1 "$2" && wait_beat vm1
}

refused() { # FROM TO
	kvmig migrate vm1 --node "$2" --wait 2>"$LAB_TOP/err"
	status=$?
	cat "$LAB_TOP/err"
	equal $status 1 && contains "$(cat "$LAB_TOP/err")" KVMIG-BLK-TLS-CERTS &&
		contains "$(cat "$LAB_TOP/err")" migrate_tls_x509_cert_dir && contains "$(cat "$LAB_TOP/err")" 'hint: ' &&
		assert_only_on vm1 "$1" && wait_beat vm1
}

tls() { # USER
	lab_begin "$1"
	check "$1: two authorities" authority "$LAB_TOP/ca"
	check "$1: two authorities" authority "$LAB_TOP/stranger"
	check "$1: a lab" lab_start 2
	check "$1: certificates of n1" certificates n1 "$LAB_TOP/ca"
	check "$1: certificates of n2" certificates n2 "$LAB_TOP/ca"
	check "$1: the daemons know them" with_certificates n1 n2
	check "$1: encryption is asked for" kvmig config set -q disableTLS=false completionTimeoutPerGiB=3000
	check "$1: with certificates it moves" moves n1 n2
	check "$1: n1 gets those of a stranger" certificates n1 "$LAB_TOP/stranger"
	check "$1: to a stranger it does not move" refused n2 n1
	check "$1: encryption is switched off" kvmig config set -q disableTLS=true
	check "$1: then nobody asks who it is" moves n2 n1
	check "$1: nothing was lost" no_memory_errors vm1
	lab_end
}

if [ "$(id -u)" -eq 0 ]; then
	tls root
	tls nobody
else
	tls "$(id -un)"
fi
done_testing

#!/bin/sh
# Handshakes on loopback with the host's certificate: with the host's trust store they succeed, with another CA or
# without a client certificate they don't. Prints what went wrong; exits 0 when all is as it should be.
set -u
pki=/etc/care-provision/pki
work=$(mktemp -d) || exit 1
server=
end() {
  [ -z "$server" ] || kill "$server" 2>/dev/null
  rm -rf "$work"
}
trap end EXIT
trap 'exit 1' HUP INT TERM

# Port 0: the kernel picks a free one, and s_server says which (openssl 3).
openssl s_server -accept 127.0.0.1:0 -cert $pki/host.crt -key $pki/host.key -CAfile $pki/ca.crt -Verify 2 -verify_return_error -quiet </dev/null >"$work/server" 2>&1 &
server=$!
port=
tries=0
while [ -z "$port" ] && [ $tries -lt 50 ]; do
  port=$(sed -n 's/^ACCEPT .*:\([0-9]*\).*$/\1/p' "$work/server")
  [ -n "$port" ] || port=$(ss -Hltnp 2>/dev/null | sed -n "s/.*127\.0\.0\.1:\([0-9]*\) .*pid=$server,.*/\1/p" | head -n 1)
  tries=$((tries + 1))
  [ -n "$port" ] || sleep 0.1
done
[ -n "$port" ] || { echo "openssl s_server did not start: $(cat "$work/server")"; exit 1; }

# TLS 1.2: there the client is told within the handshake whether its certificate was taken (RFC 5246, 7.4.8).
shake() {
  timeout 10 openssl s_client -connect "127.0.0.1:$port" -tls1_2 -verify_return_error -verify_hostname localhost "$@" </dev/null >"$work/client" 2>&1
}
shake -CApath /etc/ssl/certs -cert $pki/host.crt -key $pki/host.key || { echo "the handshake by the host's trust store failed: $(tail -n 5 "$work/client")"; exit 1; }
grep -q 'Verify return code: 0' "$work/client" || { echo 'the server certificate was not verified'; exit 1; }
if shake -CApath /etc/ssl/certs; then echo 'a client without a certificate was let in'; exit 1; fi
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/other.key" -out "$work/other.crt" -subj '/CN=another CA' -days 1 >/dev/null 2>&1 || { echo 'openssl req failed'; exit 1; }
if shake -no-CApath -no-CAstore -CAfile "$work/other.crt" -cert $pki/host.crt -key $pki/host.key; then echo 'a client that trusts another CA only took the certificate'; exit 1; fi
if shake -CApath /etc/ssl/certs -cert "$work/other.crt" -key "$work/other.key"; then echo 'a client with a certificate of another CA was let in'; exit 1; fi
exit 0

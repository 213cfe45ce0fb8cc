#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the certificates and keys of this folder; the openssl command is all it needs. They prove
# nothing to anybody: their private keys are public.
set -euo pipefail
cd "$(dirname "$0")"

days=36500
new=(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days "$days")
names="subjectAltName=DNS:localhost,IP:127.0.0.1"

"${new[@]}" -keyout server-key.pem -out server.pem -subj /CN=localhost -addext "$names"
openssl req -x509 -newkey rsa:2048 -nodes -days "$days" -keyout other-key.pem -out other.pem \
    -subj /CN=other -addext "$names"
"${new[@]}" -keyout authority-key.pem -out authority.pem -subj /CN=authority
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout client-key.pem \
    -out client.csr -subj /CN=client
openssl x509 -req -in client.csr -CA authority.pem -CAkey authority-key.pem -set_serial 2 \
    -days "$days" -out client.pem
"${new[@]}" -keyout stranger-key.pem -out stranger.pem -subj /CN=stranger
rm client.csr authority-key.pem

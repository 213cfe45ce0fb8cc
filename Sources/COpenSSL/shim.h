// SPDX-License-Identifier: Apache-2.0
#ifndef COPENSSL_SHIM_H
#define COPENSSL_SHIM_H

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>

// Values of macros that Swift does not import.
static const uint64_t TLS_SERVER_OPTIONS = SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                           SSL_OP_CIPHER_SERVER_PREFERENCE |
                                           SSL_OP_PRIORITIZE_CHACHA;
static const int BIO_RETRY_READ = BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY;
static const int BIO_RETRY_ANY = BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY;
static const int PEM_FILE_TYPE = SSL_FILETYPE_PEM;
static const int SOURCE_SINK_TYPE = BIO_TYPE_SOURCE_SINK;

#endif

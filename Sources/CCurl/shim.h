#pragma once
#include <curl/curl.h>
// Missing from Swift's Glibc module: epoll, eventfd and prctl for the transfer thread.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <dlfcn.h>
#include <stdio.h>
#include <time.h>

// 7.84 thread-safe curl_global_init, 7.85 CURLOPT_PROTOCOLS_STR, 7.87 CURLOPT_QUICK_EXIT and the shared CA store.
#if LIBCURL_VERSION_NUM < 0x075700
#error "buildinfo-collector needs libcurl 7.87 or newer (Debian 12, Ubuntu 24.04, RHEL 10)"
#endif

// Swift cannot call variadic C functions. Each inline function takes one type of argument, so that the compiler checks it.

/// Initialises libcurl, once per process.
static inline CURLcode buildinfo_curl_global_init(void) {
    return curl_global_init(CURL_GLOBAL_DEFAULT);
}

/// Sets an option that is a switch, a number or a duration in milliseconds.
static inline CURLcode buildinfo_curl_easy_set_long(CURL *easy, CURLoption option, long value) {
    return curl_easy_setopt(easy, option, value);
}

/// Sets an option that is a size: curl_off_t always has 64 bits, long does not.
static inline CURLcode buildinfo_curl_easy_set_offset(CURL *easy, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(easy, option, value);
}

/// Sets an option that is text, which libcurl copies. NULL clears the option.
static inline CURLcode buildinfo_curl_easy_set_string(CURL *easy, CURLoption option, const char *value) {
    return curl_easy_setopt(easy, option, value);
}

/// Sets an option that is a pointer, which libcurl only stores: the context of a callback, or the error buffer.
static inline CURLcode buildinfo_curl_easy_set_pointer(CURL *easy, CURLoption option, void *value) {
    return curl_easy_setopt(easy, option, value);
}

/// Sets the request's body, which libcurl copies. CURLOPT_POSTFIELDSIZE_LARGE must be set first. NULL is an empty body.
static inline CURLcode buildinfo_curl_easy_copy_body(CURL *easy, const void *bytes) {
    return curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, bytes ? bytes : "");
}

/// Sets the request's header lines. The list must outlive the transfer.
static inline CURLcode buildinfo_curl_easy_set_headers(CURL *easy, struct curl_slist *headers) {
    return curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
}

typedef size_t (*buildinfo_curl_data_function)(char *bytes, size_t size, size_t count, void *context);

/// Sets the callback for parts of the body.
static inline CURLcode buildinfo_curl_easy_set_write_function(CURL *easy, buildinfo_curl_data_function function) {
    return curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, function);
}

/// Sets the callback for header lines, one at a time.
static inline CURLcode buildinfo_curl_easy_set_header_function(CURL *easy, buildinfo_curl_data_function function) {
    return curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, function);
}

/// Sets the callback that opens sockets.
static inline CURLcode buildinfo_curl_easy_set_open_function(CURL *easy, curl_opensocket_callback function) {
    return curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, function);
}

/// Sets the callback that closes sockets.
static inline CURLcode buildinfo_curl_easy_set_close_function(CURL *easy, curl_closesocket_callback function) {
    return curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, function);
}

typedef CURLcode (*buildinfo_curl_tls_function)(CURL *easy, void *tls, void *context);

/// Sets the callback that runs after the TLS library has loaded certificate and key.
static inline CURLcode buildinfo_curl_easy_set_tls_function(CURL *easy, buildinfo_curl_tls_function function) {
    return curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, function);
}

/// The response's status, or the errno of a failed connection.
static inline CURLcode buildinfo_curl_easy_get_long(CURL *easy, CURLINFO info, long *value) {
    return curl_easy_getinfo(easy, info, value);
}

/// A duration in microseconds.
static inline CURLcode buildinfo_curl_easy_get_offset(CURL *easy, CURLINFO info, curl_off_t *value) {
    return curl_easy_getinfo(easy, info, value);
}

/// The value of CURLOPT_PRIVATE.
static inline CURLcode buildinfo_curl_easy_get_private(CURL *easy, void **value) {
    return curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)value);
}

/// Writes the expiry time of the peer's certificate, such as `2026-12-01 12:00:00 GMT`. Works only during a transfer.
/// Returns 0 without a certificate, and with a TLS library other than OpenSSL 1.1.1 or newer.
///
/// CURLINFO_CERTINFO would print every certificate of the chain, which takes as long as a tenth of the handshake. libcurl's
/// own OpenSSL is found by name, so that the program need not be linked with it.
static inline int buildinfo_curl_easy_get_certificate_end(CURL *easy, char *text, size_t size) {
    struct curl_tlssessioninfo *session = NULL;
    if (curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &session) != CURLE_OK || !session || !session->internals ||
        session->backend != CURLSSLBACKEND_OPENSSL) {
        return 0;
    }
    void *(*certificate_of)(void *) = (void *(*)(void *))dlsym(NULL, "SSL_get1_peer_certificate");
    // The name before OpenSSL 3.0.
    if (!certificate_of) certificate_of = (void *(*)(void *))dlsym(NULL, "SSL_get_peer_certificate");
    void *(*end_of)(void *) = (void *(*)(void *))dlsym(NULL, "X509_getm_notAfter");
    int (*to_tm)(void *, struct tm *) = (int (*)(void *, struct tm *))dlsym(NULL, "ASN1_TIME_to_tm");
    void (*release)(void *) = (void (*)(void *))dlsym(NULL, "X509_free");
    if (!certificate_of || !end_of || !to_tm || !release) return 0;
    void *certificate = certificate_of(session->internals);
    if (!certificate) return 0;
    struct tm end = {0};
    int written = 0;
    if (to_tm(end_of(certificate), &end)) {
        written = snprintf(text, size, "%04d-%02d-%02d %02d:%02d:%02d GMT", end.tm_year + 1900, end.tm_mon + 1,
                           end.tm_mday, end.tm_hour, end.tm_min, end.tm_sec);
    }
    release(certificate);
    return written > 0 && (size_t)written < size;
}

/// The built-in certificate bundle's path, or NULL.
static inline CURLcode buildinfo_curl_easy_get_certificates(CURL *easy, const char **value) {
    return curl_easy_getinfo(easy, CURLINFO_CAINFO, (char **)value);
}

/// Sets an option of a multi handle that is a number.
static inline CURLMcode buildinfo_curl_multi_set_long(CURLM *multi, CURLMoption option, long value) {
    return curl_multi_setopt(multi, option, value);
}

/// Sets an option of a multi handle that is the context of a callback.
static inline CURLMcode buildinfo_curl_multi_set_pointer(CURLM *multi, CURLMoption option, void *value) {
    return curl_multi_setopt(multi, option, value);
}

/// Sets the callback that receives the events to wait for on a socket.
static inline CURLMcode buildinfo_curl_multi_set_socket_function(CURLM *multi, curl_socket_callback function) {
    return curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, function);
}

/// Sets the callback that receives the time of the next call.
static inline CURLMcode buildinfo_curl_multi_set_timer_function(CURLM *multi, curl_multi_timer_callback function) {
    return curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, function);
}

/// Names the calling thread, for `ps -T` and a debugger: 15 characters at most.
static inline void buildinfo_thread_name(const char *name) {
    (void)prctl(PR_SET_NAME, name);
}

#pragma once
#include <curl/curl.h>
// Not in the Glibc module that Swift sees: how the engine waits, is woken, and is named.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

// 7.84 thread-safe curl_global_init, 7.85 CURLOPT_PROTOCOLS_STR, 7.87 CURLOPT_QUICK_EXIT and the shared CA store.
#if LIBCURL_VERSION_NUM < 0x075700
#error "buildinfo-collector needs libcurl 7.87 or newer (Debian 12, Ubuntu 24.04, RHEL 10)"
#endif

// Swift cannot call variadic C. One inline function a kind of argument, so that the compiler checks what the dots would not.

/// Everything that libcurl sets up once a process.
static inline CURLcode buildinfo_curl_global_init(void) {
    return curl_global_init(CURL_GLOBAL_DEFAULT);
}

/// Switches, numbers and durations in milliseconds.
static inline CURLcode buildinfo_curl_easy_set_long(CURL *easy, CURLoption option, long value) {
    return curl_easy_setopt(easy, option, value);
}

/// Sizes: curl_off_t is 64 bits wide everywhere, long is not.
static inline CURLcode buildinfo_curl_easy_set_offset(CURL *easy, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(easy, option, value);
}

/// Text, which libcurl copies. NULL clears the option.
static inline CURLcode buildinfo_curl_easy_set_string(CURL *easy, CURLoption option, const char *value) {
    return curl_easy_setopt(easy, option, value);
}

/// Pointers that libcurl only keeps: callbacks' contexts, and the error buffer.
static inline CURLcode buildinfo_curl_easy_set_pointer(CURL *easy, CURLoption option, void *value) {
    return curl_easy_setopt(easy, option, value);
}

/// The request's body, which libcurl copies; CURLOPT_POSTFIELDSIZE_LARGE must be set before. NULL is an empty one.
static inline CURLcode buildinfo_curl_easy_copy_body(CURL *easy, const void *bytes) {
    return curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, bytes ? bytes : "");
}

/// The request's header lines; the list must outlive the transfer.
static inline CURLcode buildinfo_curl_easy_set_headers(CURL *easy, struct curl_slist *headers) {
    return curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
}

typedef size_t (*buildinfo_curl_data_function)(char *bytes, size_t size, size_t count, void *context);

/// Who takes the body's pieces.
static inline CURLcode buildinfo_curl_easy_set_write_function(CURL *easy, buildinfo_curl_data_function function) {
    return curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, function);
}

/// Who takes the header lines, one at a time.
static inline CURLcode buildinfo_curl_easy_set_header_function(CURL *easy, buildinfo_curl_data_function function) {
    return curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, function);
}

/// Who opens the sockets.
static inline CURLcode buildinfo_curl_easy_set_open_function(CURL *easy, curl_opensocket_callback function) {
    return curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, function);
}

/// Who closes the sockets.
static inline CURLcode buildinfo_curl_easy_set_close_function(CURL *easy, curl_closesocket_callback function) {
    return curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, function);
}

typedef CURLcode (*buildinfo_curl_tls_function)(CURL *easy, void *tls, void *context);

/// Who hears when the TLS library has certificate and key.
static inline CURLcode buildinfo_curl_easy_set_tls_function(CURL *easy, buildinfo_curl_tls_function function) {
    return curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, function);
}

/// The response's status, or the errno of a failed connection.
static inline CURLcode buildinfo_curl_easy_get_long(CURL *easy, CURLINFO info, long *value) {
    return curl_easy_getinfo(easy, info, value);
}

/// Durations in microseconds.
static inline CURLcode buildinfo_curl_easy_get_offset(CURL *easy, CURLINFO info, curl_off_t *value) {
    return curl_easy_getinfo(easy, info, value);
}

/// What CURLOPT_PRIVATE was set to.
static inline CURLcode buildinfo_curl_easy_get_private(CURL *easy, void **value) {
    return curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)value);
}

/// The peer's certificates, or NULL; the handle's, until it is used again.
static inline CURLcode buildinfo_curl_easy_get_peer_certificates(CURL *easy, struct curl_certinfo **value) {
    return curl_easy_getinfo(easy, CURLINFO_CERTINFO, value);
}

/// The built-in certificate bundle's path, or NULL.
static inline CURLcode buildinfo_curl_easy_get_certificates(CURL *easy, const char **value) {
    return curl_easy_getinfo(easy, CURLINFO_CAINFO, (char **)value);
}

/// Numbers of a multi handle.
static inline CURLMcode buildinfo_curl_multi_set_long(CURLM *multi, CURLMoption option, long value) {
    return curl_multi_setopt(multi, option, value);
}

/// Contexts of a multi handle's callbacks.
static inline CURLMcode buildinfo_curl_multi_set_pointer(CURLM *multi, CURLMoption option, void *value) {
    return curl_multi_setopt(multi, option, value);
}

/// Who hears what to wait for on which socket.
static inline CURLMcode buildinfo_curl_multi_set_socket_function(CURLM *multi, curl_socket_callback function) {
    return curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, function);
}

/// Who hears when to come back at the latest.
static inline CURLMcode buildinfo_curl_multi_set_timer_function(CURLM *multi, curl_multi_timer_callback function) {
    return curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, function);
}

/// Names the calling thread, for `ps -T` and a debugger: 15 characters at most.
static inline void buildinfo_thread_name(const char *name) {
    (void)prctl(PR_SET_NAME, name);
}

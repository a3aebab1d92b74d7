// What libcurl itself takes: two threads, a multi handle each, raw epoll, and nothing done with the answers.
// Usage: libcurl_loop URLS [CA]. URLS is a file with a URL a line. Prints seconds and the number of complete 200 answers.
#define _GNU_SOURCE
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define THREADS 2
#define IN_FLIGHT 500

static char **urls;
static int count;
static const char *authority;

struct share {
    int next;
    int good;
    int active;
    int epoll;
    long deadline;  // Milliseconds of the monotonic clock; -1 for none.
    CURLM *multi;
};

static long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static size_t drop(char *data, size_t size, size_t members, void *context) {
    return size * members;
}

static int watch(CURL *easy, curl_socket_t fd, int what, void *context, void *known) {
    struct share *share = context;
    struct epoll_event event = {.data.fd = fd};
    if (what & CURL_POLL_IN) event.events |= EPOLLIN;
    if (what & CURL_POLL_OUT) event.events |= EPOLLOUT;
    if (what == CURL_POLL_REMOVE) epoll_ctl(share->epoll, EPOLL_CTL_DEL, fd, NULL);
    else if (epoll_ctl(share->epoll, EPOLL_CTL_MOD, fd, &event) < 0) epoll_ctl(share->epoll, EPOLL_CTL_ADD, fd, &event);
    return 0;
}

static int timer(CURLM *multi, long milliseconds, void *context) {
    ((struct share *)context)->deadline = milliseconds < 0 ? -1 : now() + milliseconds;
    return 0;
}

// Prepares a handle, which may have been used before, for the share's next URL.
static void start(struct share *share, CURL *easy) {
    if (!easy) easy = curl_easy_init();
    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_URL, urls[share->next]);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    if (authority) curl_easy_setopt(easy, CURLOPT_CAINFO, authority);
    curl_multi_add_handle(share->multi, easy);
    share->next += THREADS;
    share->active++;
}

static void *run(void *context) {
    struct share *share = context;
    share->epoll = epoll_create1(EPOLL_CLOEXEC);
    share->multi = curl_multi_init();
    share->deadline = -1;
    curl_multi_setopt(share->multi, CURLMOPT_SOCKETFUNCTION, watch);
    curl_multi_setopt(share->multi, CURLMOPT_SOCKETDATA, share);
    curl_multi_setopt(share->multi, CURLMOPT_TIMERFUNCTION, timer);
    curl_multi_setopt(share->multi, CURLMOPT_TIMERDATA, share);
    while (share->active < IN_FLIGHT && share->next < count) start(share, NULL);
    struct epoll_event events[256];
    int running;
    while (share->active > 0) {
        long wait = share->deadline < 0 ? -1 : share->deadline - now();
        int ready = epoll_wait(share->epoll, events, 256, share->deadline >= 0 && wait < 0 ? 0 : (int)wait);
        for (int i = 0; i < ready; i++) {
            int mask = (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) | (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0)
                | (events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
            curl_multi_socket_action(share->multi, events[i].data.fd, mask, &running);
        }
        if (share->deadline >= 0 && share->deadline <= now()) {
            share->deadline = -1;
            curl_multi_socket_action(share->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        }
        CURLMsg *message;
        int left;
        while ((message = curl_multi_info_read(share->multi, &left))) {
            CURL *easy = message->easy_handle;
            long status = 0;
            if (message->data.result == CURLE_OK) curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
            if (status == 200) share->good++;
            curl_multi_remove_handle(share->multi, easy);
            share->active--;
            if (share->next < count) start(share, easy);
            else curl_easy_cleanup(easy);
        }
    }
    curl_multi_cleanup(share->multi);
    return NULL;
}

int main(int argc, char **argv) {
    if (argc < 2) return fprintf(stderr, "usage: libcurl_loop URLS [CA]\n"), 64;
    FILE *file = fopen(argv[1], "r");
    if (!file) return perror(argv[1]), 66;
    authority = argc > 2 ? argv[2] : NULL;
    char line[512];
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        urls = realloc(urls, (count + 1) * sizeof *urls);
        urls[count++] = strdup(line);
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    struct timespec from, until;
    clock_gettime(CLOCK_MONOTONIC, &from);
    struct share shares[THREADS] = {0};
    pthread_t threads[THREADS];
    int good = 0;
    for (int i = 0; i < THREADS; i++) {
        shares[i].next = i;
        pthread_create(&threads[i], NULL, run, &shares[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        good += shares[i].good;
    }
    clock_gettime(CLOCK_MONOTONIC, &until);
    printf("%.3f %d\n", until.tv_sec - from.tv_sec + (until.tv_nsec - from.tv_nsec) / 1e9, good);
    return good == count ? 0 : 1;
}

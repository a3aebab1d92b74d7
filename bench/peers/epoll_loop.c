// The limit: one thread, raw epoll, 1,000 requests in flight, as little as HTTP allows.
// Usage: epoll_loop HOSTS PORT [ROUNDS]. Requests 127.1.0.1 and up. The first round opens connections, later rounds reuse
// them; with one round, each is closed after its answer. Prints seconds and the number of complete 200 answers.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct request {
    int host;
    int sent;
    int length;
    char buffer[16384];
};

static int epoll;
static int port;
// The open connection to each host, or 0.
static int *kept;

static int start(struct request *request, int host) {
    request->host = host;
    request->sent = 0;
    request->length = 0;
    struct epoll_event event = {.events = EPOLLOUT};
    if (kept[host]) {
        event.data.fd = kept[host];
        epoll_ctl(epoll, EPOLL_CTL_MOD, kept[host], &event);
        return kept[host];
    }
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(0x7f010000u + (unsigned)host + 1u);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    event.data.fd = fd;
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    return fd;
}

// 1 if the body is complete (Content-Length), 0 if not yet, -1 when the status is not 200.
static int complete(struct request *request) {
    request->buffer[request->length] = 0;
    char *end = strstr(request->buffer, "\r\n\r\n");
    if (!end) return 0;
    if (strncmp(request->buffer, "HTTP/1.1 200", 12) != 0) return -1;
    char *length = strcasestr(request->buffer, "Content-Length:");
    if (!length || length > end) return -1;
    return request->length - (end + 4 - request->buffer) >= atoi(length + 15);
}

int main(int count, char **arguments) {
    if (count < 3) return 64;
    int hosts = atoi(arguments[1]);
    port = atoi(arguments[2]);
    long rounds = count > 3 ? atol(arguments[3]) : 1;
    int window = hosts < 2000 ? (hosts + 1) / 2 : 1000;
    kept = calloc((size_t)hosts, sizeof *kept);
    // One buffer per slot. A request's slot is found by its descriptor.
    struct request **slots = calloc(65536, sizeof *slots);
    struct request *pool = calloc((size_t)window, sizeof *pool);
    struct request **idle = calloc((size_t)window, sizeof *idle);
    int idles = 0;
    for (int i = 0; i < window; i++) idle[idles++] = &pool[i];
    epoll = epoll_create1(EPOLL_CLOEXEC);

    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    long next = 0, good = 0, ended = 0, requests = hosts * rounds;
    struct epoll_event events[256];
    while (ended < requests) {
        while (idles > 0 && next < requests) {
            struct request *request = idle[--idles];
            int fd = start(request, (int)(next++ % hosts));
            if (fd < 0) {
                ended++;
                idle[idles++] = request;
                continue;
            }
            slots[fd] = request;
        }
        int ready = epoll_wait(epoll, events, 256, 5000);
        if (ready == 0) break;
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            struct request *request = slots[fd];
            int done = 0;
            if (!request->sent) {
                char text[256];
                unsigned host = (unsigned)request->host + 1u;
                int length = snprintf(text, sizeof text,
                                      "GET /buildinfo?nonce=0123456789abcdef HTTP/1.1\r\nHost: 127.1.%u.%u:%d\r\n\r\n",
                                      host >> 8 & 255, host & 255, port);
                if (send(fd, text, (size_t)length, MSG_NOSIGNAL) != length) done = -1;
                request->sent = 1;
                struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
                epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
            } else {
                ssize_t got = recv(fd, request->buffer + request->length,
                                   sizeof request->buffer - 1 - (size_t)request->length, 0);
                if (got <= 0) {
                    done = -1;
                } else {
                    request->length += (int)got;
                    done = complete(request);
                }
            }
            if (done) {
                good += done > 0;
                ended++;
                if (done > 0 && rounds > 1) {
                    kept[request->host] = fd;
                } else {
                    kept[request->host] = 0;
                    close(fd);
                }
                idle[idles++] = request;
            }
        }
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("%.3f %ld\n", (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9, good);
    return good == requests ? 0 : 1;
}

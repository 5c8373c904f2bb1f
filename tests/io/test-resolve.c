/* SPDX-License-Identifier: Apache-2.0 */
/* getaddrinfo() is the test's: names below .hangs are not answered for until the test lets go. */
#include <netdb.h>
#include <pthread.h>

#include "io/links.h"
#include "io/resolve.h"

static struct {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        bool answers; /* also for names that hang */
        unsigned n_waiting;
        struct sockaddr_in is; /* what names that are known mean */
} names = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints _unused_, struct addrinfo **ret) {
        struct addrinfo *found;

        pthread_mutex_lock(&names.lock);
        names.n_waiting++;
        pthread_cond_broadcast(&names.changed);
        while (strstr(host, ".hangs") && !names.answers)
                pthread_cond_wait(&names.changed, &names.lock);
        names.n_waiting--;
        pthread_cond_broadcast(&names.changed);
        pthread_mutex_unlock(&names.lock);
        if (strstr(host, "unknown"))
                return EAI_NONAME;
        found             = calloc(1, sizeof(*found) + sizeof(names.is));
        found->ai_addr    = (struct sockaddr *) (found + 1);
        found->ai_addrlen = sizeof(names.is);
        memcpy(found->ai_addr, &names.is, sizeof(names.is));
        ((struct sockaddr_in *) found->ai_addr)->sin_family = AF_INET;
        ((struct sockaddr_in *) found->ai_addr)->sin_port   = htons((uint16_t) atoi(port));
        *ret                                                = found;
        return 0;
}

void freeaddrinfo(struct addrinfo *list) {
        free(list);
}

static void names_reset(void) {
        names.answers            = false;
        names.is.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        kernel                   = (typeof(kernel)) {};
}

static void await_waiting(unsigned n) {
        pthread_mutex_lock(&names.lock);
        while (names.n_waiting != n)
                pthread_cond_wait(&names.changed, &names.lock);
        pthread_mutex_unlock(&names.lock);
}

static void let_go(void) {
        pthread_mutex_lock(&names.lock);
        names.answers = true;
        pthread_cond_broadcast(&names.changed);
        pthread_mutex_unlock(&names.lock);
}

static void on_accepted(void *userdata, int fd) {
        Pair *p = userdata;

        p->b = (End) { .event = p->event, .fd = fd, .echo = true };
        end_link(&p->b, &events);
}

/* Threads that were let go end soon, and each has had a descriptor. */
static void await_open(unsigned n) {
        while (n_open() != n)
                sched_yield();
}

static Listener *listen_here(Pair *p, char ret_address[static ADDRESS_TEXT_MAX], const char *name) {
        Listener *listener;

        names_reset();
        *p = (Pair) { .n_fds = n_open(), .a.fd = -1, .b.fd = -1 };
        ck_assert_int_ge(sd_event_new(&p->event), 0);
        ck_assert_int_eq(listener_new(&listener, p->event, "127.0.0.1:0", 0, on_accepted, p, NULL), 0);
        snprintf(ret_address, ADDRESS_TEXT_MAX, "%s%s", name, strrchr(listener_address(listener), ':'));
        return listener;
}

TEST(a_link_to_a_name_is_one_to_the_host_that_has_it_and_what_was_said_early_arrives) {
        char address[ADDRESS_TEXT_MAX];
        Pair p;
        Listener *listener = listen_here(&p, address, "head.example");

        ck_assert_int_eq(link_connect(&p.a.link, p.event, address, &events, &p.a, NULL), 0);
        send_text(&p.a, 1, "early");
        RUN_UNTIL(&p, p.a.got.n == 1);
        ck_assert(got_text(&p.a, 0, 1, "early"));
        listener_free(listener);
        end_free(&p.a);
        end_free(&p.b);
        sd_event_unref(p.event);
        await_open(p.n_fds);
}

TEST(nobody_in_the_loop_waits_while_no_name_server_answers) {
        char address[ADDRESS_TEXT_MAX], hangs[ADDRESS_TEXT_MAX];
        End slow = { .fd = -1 };
        Pair p;
        Listener *listener = listen_here(&p, address, "127.0.0.1");

        snprintf(hangs, sizeof(hangs), "head.hangs%s", strrchr(address, ':'));
        ck_assert_int_eq(link_connect(&slow.link, p.event, hangs, &events, &slow, NULL), 0);
        ck_assert_int_eq(link_connect(&p.a.link, p.event, address, &events, &p.a, NULL), 0);
        await_waiting(1);
        for (unsigned k = 0; k < 100; k++) {
                send_text(&p.a, (uint16_t) k, "goes on");
                RUN_UNTIL(&p, p.a.got.n == k + 1);
        }
        ck_assert_uint_eq(slow.n_closed, 0);
        end_free(&p.a);
        end_free(&p.b);
        p.b.fd = -1;
        send_text(&slow, 7, "late");
        let_go();
        RUN_UNTIL(&p, slow.got.n == 1); /* the host answers when there is one */
        ck_assert(got_text(&slow, 0, 7, "late"));
        end_free(&slow);
        end_free(&p.b);
        listener_free(listener);
        sd_event_unref(p.event);
        await_open(p.n_fds);
}

TEST(a_name_that_nobody_answers_for_is_given_up_after_ten_seconds_with_words) {
        Pair p = { .a.fd = -1, .b.fd = -1 };
        struct timespec from, to;

        names_reset();
        p.n_fds = n_open();
        ck_assert_int_ge(sd_event_new(&p.event), 0);
        clock_gettime(CLOCK_MONOTONIC, &from);
        ck_assert_int_eq(link_connect(&p.a.link, p.event, "head.hangs:7103", &events, &p.a, NULL), 0);
        while (p.a.n_closed == 0)
                ck_assert_int_ge(sd_event_run(p.event, UINT64_MAX), 0);
        clock_gettime(CLOCK_MONOTONIC, &to);
        ck_assert_int_eq(p.a.why.code, -ETIMEDOUT);
        ck_assert_msg(strstr(p.a.why.text, "head.hangs:7103") && strstr(p.a.why.text, "no name server"), "%s",
                      p.a.why.text);
        ck_assert_int_ge(to.tv_sec - from.tv_sec, 9);
        end_free(&p.a);
        sd_event_unref(p.event);
        let_go();
        await_open(p.n_fds);
}

TEST(a_name_that_nobody_knows_closes_the_link_with_words) {
        Pair p = { .a.fd = -1, .b.fd = -1 };

        names_reset();
        p.n_fds = n_open();
        ck_assert_int_ge(sd_event_new(&p.event), 0);
        ck_assert_int_eq(link_connect(&p.a.link, p.event, "unknown.example:80", &events, &p.a, NULL), 0);
        ck_assert_uint_eq(p.a.n_closed, 0);
        RUN_UNTIL(&p, p.a.n_closed > 0);
        ck_assert_int_eq(p.a.why.code, -EHOSTUNREACH);
        ck_assert(strstr(p.a.why.text, "unknown.example:80"));
        end_free(&p.a);
        sd_event_unref(p.event);
        await_open(p.n_fds);
}

TEST(more_questions_than_may_wait_are_refused_and_asked_again_when_the_others_have_gone) {
        Resolve *asked[MAX_RESOLVE_THREADS], *more = NULL;
        const unsigned n_fds = n_open();
        Address is;
        Error err = {};
        int r;

        names_reset();
        for (unsigned k = 0; k < MAX_RESOLVE_THREADS; k++)
                ck_assert_int_eq(resolve_new(&asked[k], "head.hangs:80", NULL), 0);
        ck_assert_int_eq(resolve_take(asked[0], &is, NULL), -EAGAIN);
        ck_assert_int_eq(resolve_new(&more, "head.example:80", &err), -EAGAIN);
        ck_assert(strstr(err.text, "head.example:80"));
        await_waiting(MAX_RESOLVE_THREADS);
        for (unsigned k = 0; k < MAX_RESOLVE_THREADS; k++)
                resolve_free(asked[k]);                                         /* who does not want to know any more */
        ck_assert_int_eq(resolve_new(&more, "head.example:80", NULL), -EAGAIN); /* they wait all the same */
        let_go();
        do
                r = resolve_new(&more, "head.example:80", NULL);
        while (r == -EAGAIN);
        ck_assert_int_eq(r, 0);
        while ((r = resolve_take(more, &is, NULL)) == -EAGAIN)
                sched_yield();
        ck_assert_int_eq(r, 0);
        ck_assert_uint_eq(ntohs(is.v4.sin_port), 80);
        resolve_free(more);
        await_open(n_fds);
}

TEST(whoever_listens_at_a_name_waits_for_its_address_ten_seconds_and_says_why_he_cannot) {
        static const struct {
                const char *address;
                int code;
                const char *words;
        } cases[] = {
                { "head.hangs:0", -ETIMEDOUT, "no name server" },
                { "unknown.example:0", -EHOSTUNREACH, "unknown.example:0" },
        };
        const unsigned n_fds = n_open();
        struct timespec from, to;
        Listener *listener;
        Pair p = {};
        bool local;

        names_reset();
        ck_assert_int_ge(sd_event_new(&p.event), 0);
        clock_gettime(CLOCK_MONOTONIC, &from);
        for (size_t k = 0; k < ELEMENTSOF(cases); k++) {
                Error err = {};

                ck_assert_int_eq(listener_new(&listener, p.event, cases[k].address, 0, on_accepted, &p, &err),
                                 cases[k].code);
                ck_assert_msg(strstr(err.text, cases[k].words), "%s", err.text);
        }
        clock_gettime(CLOCK_MONOTONIC, &to);
        ck_assert_int_ge(to.tv_sec - from.tv_sec, 9);
        ck_assert_int_le(to.tv_sec - from.tv_sec, 20);
        ck_assert_int_eq(listener_new(&listener, p.event, "head.example:0", 0, on_accepted, &p, NULL), 0);
        ck_assert(strncmp(listener_address(listener), "127.0.0.1:", 10) == 0);
        ck_assert(address_is_local("head.example:1", &local, NULL) == 0 && local);
        listener_free(listener);
        sd_event_unref(p.event);
        let_go();
        await_open(n_fds);
}

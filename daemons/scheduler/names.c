/* SPDX-License-Identifier: Apache-2.0 */
/* Names of results. A name has a reference of its own, so that what it names outlives its session, and the journal has
 * it, so that it outlives the scheduler. It is for the programs of one owner: over a unix socket the kernel says whose
 * a program is; who comes over TCP has a user's token, or the cluster's token or key, and then counts as the
 * scheduler's own user.
 *
 * What is said again after a link broke is answered as if it had been said once. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "daemons/scheduler/scheduler.h"

enum { MAX_NAMES = 10000 }; /* of one user: they are looked through one by one */

/* Users of tokens are beyond all numbers that the system gives to its own. */
uint64_t owner_of(bool local, uid_t uid, const char *user) {
        if (local)
                return uid;
        return user[0] ? hash_bytes(user, strlen(user), 0) >> 2 | UINT64_C(1) << 62 : geteuid();
}

static uint64_t user_of(const Session *session) {
        return owner_of(session->local, session->uid, session->user);
}

static Name *name_find(const Scheduler *s, uint64_t uid, const char *text) {
        for (uint32_t k = 0; k < s->name.n; k++)
                if (s->name.data[k].uid == uid && strcmp(s->name.data[k].text, text) == 0)
                        return &s->name.data[k];
        return NULL;
}

static uint32_t n_names(const Scheduler *s, uint64_t uid) {
        uint32_t n = 0;

        for (uint32_t k = 0; k < s->name.n; k++)
                n += s->name.data[k].uid == uid;
        return n;
}

static int name_save(Session *session, const Wire_name *m, Error *err) {
        Scheduler *s      = session->scheduler;
        const Name *there = name_find(s, user_of(session), m->name);
        uint64_t id       = 0;
        Name name         = { .uid = user_of(session), .tensor = m->tensor };

        if (map_get(&session->book.refs, m->tensor) == 0 || !sched_tensor(s->sched, m->tensor))
                return error_set(err, ERROR_VALUE, "the session has no tensor %llu", (unsigned long long) m->tensor);
        if (there && there->tensor == m->tensor)
                return 0;
        if (there)
                return error_set(err, -ENOTUNIQ,
                                 "there is a result '%s' already: remove it first, or take another name", m->name);
        if (n_names(s, name.uid) >= MAX_NAMES)
                return error_set(err, -EUSERS, "there are %d names, as many as a user may have", MAX_NAMES);
        for (uint32_t k = 0; k < s->name.n; k++)
                id = MAX(id, s->name.data[k].id);
        name.id   = id + 1;
        name.text = strdup(m->name);
        if (!name.text || vec_push(&s->name, name) < 0) {
                free(name.text);
                return error_oom(err, sizeof(name));
        }
        sched_tensor(s->sched, m->tensor)->n_refs++;
        keep_name(s, &name);
        return 0;
}

int name_forget(Scheduler *s, uint64_t uid, const char *text, Error *err) {
        Name *name = name_find(s, uid, text);
        Name gone;

        if (!name)
                return error_set(err, -ENOKEY, "%s", text);
        gone  = *name;
        *name = vec_pop(&s->name);
        forget_row(s, JOURNAL_NAME, gone.uid, gone.id);
        free(gone.text);
        scheduler_step(s, &(SchedEvent) { .kind = SCHED_RELEASE, .tensor = gone.tensor });
        return 0;
}

static int name_remove(Session *session, const Wire_name *m, Error *err) {
        int r = name_forget(session->scheduler, user_of(session), m->name, err);

        return r == -ENOKEY && m->again ? 0 : r;
}

/* All of the user's, one a line. */
static char *name_list(const Scheduler *s, uint64_t uid) {
        size_t n_bytes;
        char *text = NULL;
        FILE *f    = open_memstream(&text, &n_bytes);

        for (uint32_t k = 0; f && k < s->name.n; k++)
                if (s->name.data[k].uid == uid)
                        fprintf(f, "%s\n", s->name.data[k].text);
        if (f && fclose(f) != 0) {
                free(text);
                return NULL;
        }
        return text;
}

int session_name(Session *session, const Wire_name *m, Error *err) {
        Scheduler *s        = session->scheduler;
        const Name *name    = name_find(s, user_of(session), m->name);
        _cleanup_(freep) char *list = NULL;
        Error why           = {};
        uint64_t tensor     = 0;
        int r               = 0;

        if (m->what != NAME_LIST && (!m->name[0] || strchr(m->name, '\n')))
                r = error_set(&why, ERROR_VALUE, "a name is a line of text");
        else if (m->what == NAME_SAVE)
                r = name_save(session, m, &why);
        else if (m->what == NAME_REMOVE)
                r = name_remove(session, m, &why);
        else if (m->what == NAME_OPEN && !name)
                r = error_set(&why, -ENOKEY, "%s", m->name);
        else if (m->what == NAME_OPEN) {
                tensor = name->tensor;
                sched_tensor(s->sched, tensor)->n_refs++;
                r = session_hold(session, tensor);
        }
        if (r == 0 && m->what != NAME_LIST)
                return later_add(session, LATER_NAMED, m->request, tensor) < 0 ? error_oom(err, sizeof(Later)) : 0;
        list = name_list(s, user_of(session));
        if (!list)
                return error_oom(err, s->name.n);
        r = link_say(session->conn->link, &(WireMessage) { WIRE_IS_NAMED,
                                                           .named = { .request = m->request,
                                                                      .code    = r,
                                                                      .text    = why.text,
                                                                      .names   = list } });
        return r < 0 ? error_oom(err, strlen(list)) : 0;
}

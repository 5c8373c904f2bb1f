/* SPDX-License-Identifier: Apache-2.0 */
/* Where lineages are cut. What a recipe of many steps makes is an anchor: it is kept, by a reference of its own, as
 * long as recipes read it, and a second worker gets a copy of each of its chunks (its spare), which takes the chunk's
 * place when the first one is lost. When all of them are there, and not before, it is forgotten how it was made, and
 * with that all that was remembered for nothing else. So memory does not grow with the steps of a loop, and what any
 * one worker loses can still be made again. Where no second worker has room nothing is forgotten. What one recipe made
 * is cut off at once: tasks that make some of it again would make the rest, too, which nobody would know of.
 *
 * A spare is never read. It goes with the tensor, and from a worker that is to have nothing, unless whoever has the
 * chunk is not to be reached: then it stays until he is, or takes the chunk's place and is handed on. The two change
 * places when somebody reaches only the spare (apart.c). A chunk that nobody has has no spare. */
#include "sched/state.h"

bool recipe_is_long(const Sched *s, const Recipe *recipe) {
        return recipe && recipe->depth >= s->most_lineage;
}

uint32_t recipe_depth(const Sched *s, const SchedRecipe *said) {
        uint32_t depth = 0;

        for (uint32_t k = 0; k < said->n_leaves; k++) {
                const SchedTensor *t = sched_tensor(s, said->leaf[k]);
                const Recipe *maker  = t && !t->anchor ? recipe_find(s, t->recipe) : NULL;

                depth = MAX(depth, maker ? maker->depth : 0);
        }
        return depth + 1;
}

int anchor_make(SchedTensor *t) {
        t->anchor = true;
        t->spare  = malloc((t->n_chunks + 1) * sizeof(*t->spare));
        for (uint32_t k = 0; k < t->n_chunks && t->spare; k++)
                t->spare[k] = WORKER_NONE;
        return t->spare ? 0 : -ENOMEM;
}

void tensor_read(Sched *s, SchedTensor *t) {
        if (t->n_recipes++ == 0 && t->anchor)
                tensor_ref(s, t);
}

/* ---- Spares ------------------------------------------------------------------------------------------------------ */

int anchor_look(Sched *s, SchedTensor *t) {
        if (!t->anchor || t->n_refs == 0 || t->listed || t->refused)
                return 0;
        t->listed    = true;
        s->unsettled = true;
        return vec_push(&s->anchors, t->id);
}

uint32_t spare_take(SchedTensor *t, uint32_t chunk) {
        const uint32_t worker = t->anchor ? t->spare[chunk] : WORKER_NONE;

        if (t->anchor)
                t->spare[chunk] = WORKER_NONE;
        return worker;
}

int spare_drop(Sched *s, SchedTensor *t, uint32_t chunk) {
        const uint32_t worker = spare_take(t, chunk);

        return worker == WORKER_NONE ? 0 : drop_add(s, worker, t->chunk_first + chunk);
}

/* Nothing is heard of whoever has the chunk, who may never come back: its copy is the only one that can be had. */
static bool only_spare(const Sched *s, const SchedTensor *t, uint32_t chunk) {
        const Worker *w = &s->worker.data[t->holder[chunk]];

        return w->state != WORKER_HERE || w->silent;
}

int spares_leave(Sched *s, uint32_t worker, uint32_t *ret_stay) {
        int ret = 0;

        *ret_stay = 0;
        for (uint32_t k = 0; k < s->tensors.capacity && ret == 0; k++) {
                SchedTensor *t = (SchedTensor *) (uintptr_t) s->tensors.entry[k].value;

                for (uint32_t c = 0; t && t->anchor && c < t->n_chunks && ret == 0; c++) {
                        if (t->spare[c] != worker)
                                continue;
                        if (only_spare(s, t, c))
                                ++*ret_stay;
                        else
                                ret = spare_drop(s, t, c);
                }
                if (t && ret == 0)
                        ret = anchor_look(s, t);
        }
        return ret;
}

bool spare_fits(const Sched *s, const SchedTensor *t, uint32_t chunk, uint32_t worker) {
        return t->anchor && t->n_refs > 0 && t->holder[chunk] != WORKER_NONE && t->holder[chunk] != worker &&
               t->spare[chunk] == WORKER_NONE && (!s->worker.data[worker].drain || only_spare(s, t, chunk));
}

int spare_taken(Sched *s, const Taking *taking, const Error *err) {
        SchedTensor *t   = sched_tensor(s, taking->owner);
        const uint32_t k = t ? (uint32_t) (taking->chunk - t->chunk_first) : 0;

        if (err) {
                if (t)
                        t->refused = true; /* there is no room */
                return 0;
        }
        if (t && spare_fits(s, t, k, taking->to)) {
                t->spare[k] = taking->to;
                return 0;
        }
        if (t && (t->holder[k] == taking->to || t->spare[k] == taking->to))
                return 0;
        return drop_say(s, taking->to, taking->chunk);
}

/* All that it made is data from now on. */
static int lineage_cut(Sched *s, Recipe *recipe) {
        int ret = 0;

        for (SchedTensor *t = recipe->tensors, *next; t && ret == 0; t = next) {
                next = t->next_of_recipe;
                recipe_disown(recipe, t);
                t->recipe = 0;
                ret       = action_add(s, &(SchedAction) { .kind = SCHED_TENSOR, .tensor = t->id });
                if (ret == 0)
                        ret = recipe_unuse(s, recipe);
        }
        return ret;
}

static bool is_twice(const Sched *s, const SchedTensor *t) {
        bool twice = t->anchor && t->n_lost == 0;

        for (uint32_t k = 0; k < t->n_chunks && twice; k++)
                twice = t->spare[k] != WORKER_NONE && !s->worker.data[t->spare[k]].drain;
        return twice;
}

/* Copies that are missing and can be made now. *ret: there is nothing more to do. */
static int anchor_go(Sched *s, SchedTensor *t, bool *ret) {
        Recipe *recipe = recipe_find(s, t->recipe);
        int r          = 0;

        *ret = t->n_lost == 0 || !recipe; /* what is made again comes with the next step */
        for (uint32_t k = 0; k < t->n_chunks && r == 0 && !t->refused; k++) {
                if (t->spare[k] != WORKER_NONE || t->holder[k] == WORKER_NONE)
                        continue;
                *ret = false;
                r    = spare_begin(s, t, k);
        }
        if (r < 0 || !*ret || t->refused || !recipe)
                return r;
        for (const SchedTensor *other = recipe->tensors; other; other = other->next_of_recipe)
                if (!is_twice(s, other)) {
                        *ret = !other->listed;
                        return 0;
                }
        *ret = !recipe->repair;
        return *ret ? lineage_cut(s, recipe) : 0;
}

int anchors_go(Sched *s) {
        int ret = 0;

        for (uint32_t k = 0; k < s->anchors.n && s->n_open > 1 && ret == 0;) {
                SchedTensor *t = sched_tensor(s, s->anchors.data[k]);
                bool done      = true;

                if (t)
                        ret = anchor_go(s, t, &done);
                if (!done) {
                        k++;
                        continue;
                }
                if (t) /* who cut it may have ended others, not this one */
                        t->listed = false;
                s->anchors.data[k] = vec_pop(&s->anchors);
        }
        return ret;
}

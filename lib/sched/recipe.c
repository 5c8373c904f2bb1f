/* SPDX-License-Identifier: Apache-2.0 */
/* Recipes: what made tensors, in as few bytes as a journal has. Each refers to its leaves, which may be made by others,
 * so all that a tensor ever came from is remembered as long as the tensor is, and no longer: when the last tensor that
 * a recipe made goes, it goes, and with it the ghosts that nobody else reads, and what those were made of. */
#include "sched/state.h"

Recipe *recipe_find(const Sched *s, uint64_t id) {
        return id ? (Recipe *) (uintptr_t) map_get(&s->recipes, id) : NULL;
}

const SchedRecipe *sched_recipe(const Sched *s, uint64_t id) {
        const Recipe *recipe = recipe_find(s, id);

        return recipe ? &recipe->said : NULL;
}

static size_t recipe_bytes(const Recipe *recipe) {
        return sizeof(*recipe) + recipe->said.graph_bytes + recipe->said.n_leaves * sizeof(uint64_t);
}

void recipe_free(Recipe *recipe) {
        if (!recipe)
                return;
        free((void *) (uintptr_t) recipe->said.graph);
        free((void *) (uintptr_t) recipe->said.leaf);
        free(recipe);
}

static int recipe_add(Sched *s, Recipe *recipe) {
        if (map_set(&s->recipes, recipe->said.id, (uintptr_t) recipe) < 0)
                return -ENOMEM;
        s->state_bytes += recipe_bytes(recipe);
        return 0;
}

int recipe_new(Sched *s, const Graph *graph, const Plan *plan, uint64_t id, Recipe **ret) {
        Recipe *recipe = calloc(1, sizeof(*recipe));
        uint64_t *leaf = calloc(graph->node.n + 1, sizeof(*leaf));
        uint8_t *bytes = NULL;
        size_t n_bytes = 0;
        uint32_t n     = 0;
        int r          = recipe && leaf ? graph_encode(graph, &bytes, &n_bytes) : -ENOMEM;

        for (uint32_t k = 0; k < graph->node.n && r == 0; k++)
                if (!graph->node.data[k].op)
                        leaf[n++] = graph->node.data[k].stored;
        if (r < 0) {
                free(leaf);
                free(recipe);
                return -ENOMEM;
        }
        recipe->said = (SchedRecipe) { .id          = id,
                                       .graph       = bytes,
                                       .graph_bytes = n_bytes,
                                       .leaf        = leaf,
                                       .n_leaves    = n,
                                       .task_bytes  = s->task_bytes,
                                       .alone_bytes = s->alone_bytes,
                                       .chunk_first = s->next_chunk,
                                       .n_task      = plan->n_task,
                                       .n_chunk     = plan->n_chunk,
                                       .digest      = plan_digest(plan) };
        recipe->depth = recipe_depth(s, &recipe->said);
        if (recipe_add(s, recipe) < 0) {
                recipe_free(recipe);
                return -ENOMEM;
        }
        for (uint32_t k = 0; k < n; k++)
                tensor_read(s, sched_tensor(s, leaf[k]));
        *ret = recipe;
        return 0;
}

static int recipe_end(Sched *s, Recipe *recipe) {
        int r = action_add(s, &(SchedAction) { .kind = SCHED_RECIPE_GONE, .recipe = recipe->said.id });

        assert(!recipe->tensors && !recipe->repair);
        map_remove(&s->recipes, recipe->said.id);
        s->state_bytes -= recipe_bytes(recipe);
        for (uint32_t k = 0; k < recipe->said.n_leaves && r == 0; k++) {
                SchedTensor *t = sched_tensor(s, recipe->said.leaf[k]);

                if (t)
                        r = tensor_unread(s, t);
        }
        recipe_free(recipe);
        return r;
}

void recipe_disown(Recipe *recipe, const SchedTensor *t) {
        SchedTensor **at = &recipe->tensors;

        while (*at != t)
                at = &(*at)->next_of_recipe;
        *at = t->next_of_recipe;
}

/* One end leads to another, as far back as programs go: they stand in a row instead of on the stack. */
int recipe_unuse(Sched *s, Recipe *recipe) {
        int r = 0;

        assert(recipe->n_uses > 0);
        if (--recipe->n_uses > 0)
                return 0;
        if (vec_push(&s->unused, recipe) < 0)
                return -ENOMEM;
        if (s->burying)
                return 0;
        s->burying = true;
        while (s->unused.n > 0 && r == 0)
                r = recipe_end(s, vec_pop(&s->unused));
        s->burying = false;
        return r;
}

/* ---- The plan again --------------------------------------------------------------------------------------------- */

int recipe_plan(Sched *s, const Recipe *recipe, Graph **ret_graph, Plan **ret, Error *err) {
        _cleanup_(graph_freep) Graph *graph = NULL;
        Plan *plan                          = NULL;
        int r;

        for (uint32_t k = 0; k < recipe->said.n_leaves; k++)
                if (!sched_tensor(s, recipe->said.leaf[k]))
                        return error_set(err, ERROR_CORRUPT, "nothing is known of tensor %llu, of which it was made",
                                         (unsigned long long) recipe->said.leaf[k]);
        r = graph_decode_planned(recipe->said.graph, recipe->said.graph_bytes, &graph, err);
        if (r == 0)
                r = s->planner(graph,
                               &(PlanLeaves) { .tiling      = leaf_tiling,
                                               .userdata    = s,
                                               .task_bytes  = recipe->said.task_bytes,
                                               .alone_bytes = recipe->said.alone_bytes },
                               &plan, err);
        if (r < 0)
                return err->code == r ? r : error_set(err, r, "planning");
        assert(plan);
        if (plan->n_task != recipe->said.n_task || plan->n_chunk != recipe->said.n_chunk ||
            plan_digest(plan) != recipe->said.digest) {
                plan_free(plan);
                return error_set(err, ERROR_SUPPORT,
                                 "it was made by another version of Mars, which planned it otherwise");
        }
        *ret_graph = TAKE_PTR(graph);
        *ret       = plan;
        return 0;
}

/* ---- From a journal --------------------------------------------------------------------------------------------- */

int sched_restore_recipe(Sched *s, const SchedRecipe *said, Error *err) {
        Recipe *recipe;
        int r = 0;

        if (said->id == 0 || recipe_find(s, said->id))
                return error_set(err, ERROR_CORRUPT, "recipe %llu twice", (unsigned long long) said->id);
        if (said->id >= s->next_plan || said->chunk_first == 0 || said->chunk_first >= s->next_chunk ||
            said->n_chunk > s->next_chunk - said->chunk_first)
                return error_set(err, ERROR_CORRUPT, "recipe %llu is of the future", (unsigned long long) said->id);
        recipe = calloc(1, sizeof(*recipe));
        if (recipe) {
                uint8_t *graph = malloc(said->graph_bytes + 1);
                uint64_t *leaf = malloc((said->n_leaves + 1) * sizeof(*leaf));

                recipe->said       = *said;
                recipe->said.graph = graph;
                recipe->said.leaf  = leaf;
                if (!graph || !leaf)
                        r = -ENOMEM;
                else {
                        memcpy(graph, said->graph, said->graph_bytes);
                        memcpy(leaf, said->leaf, said->n_leaves * sizeof(*leaf));
                }
        }
        if (!recipe || r < 0 || recipe_add(s, recipe) < 0) {
                recipe_free(recipe);
                return error_oom(err, sizeof(*recipe) + said->graph_bytes);
        }
        for (uint32_t k = 0; k < said->n_leaves; k++)
                if (map_set(&s->reads, said->leaf[k], map_get(&s->reads, said->leaf[k]) + 1) < 0)
                        return error_oom(err, sizeof(uint64_t));
        s->holding = true;
        return 0;
}

int sched_restore_tensor(Sched *s, const SchedTensor *said, Error *err) {
        Recipe *recipe = recipe_find(s, said->recipe);
        SchedTensor *t;

        if (said->id == 0 || said->id >= s->next_tensor || sched_tensor(s, said->id))
                return error_set(err, ERROR_CORRUPT, "tensor %llu twice, or of the future",
                                 (unsigned long long) said->id);
        if (!tiling_known(&said->tiling) || said->chunk_first == 0 || said->chunk_first >= s->next_chunk ||
            (uint64_t) tiling_n_chunks(&said->tiling) > s->next_chunk - said->chunk_first)
                return error_set(err, ERROR_CORRUPT, "tensor %llu has chunks of the future",
                                 (unsigned long long) said->id);
        if (said->recipe != 0 &&
            (!recipe || said->chunk_first < recipe->said.chunk_first ||
             said->chunk_first - recipe->said.chunk_first + (uint64_t) tiling_n_chunks(&said->tiling) >
                     recipe->said.n_chunk))
                return error_set(err, ERROR_CORRUPT, "tensor %llu was not made by its recipe",
                                 (unsigned long long) said->id);
        if (tensor_new(s, &said->spec, &said->tiling, NULL, said->chunk_first, &t) < 0)
                return error_oom(err, sizeof(*t));
        if (said->anchor && anchor_make(t) < 0) {
                tensor_free(t);
                return error_oom(err, sizeof(*t));
        }
        t->n_recipes = (uint32_t) map_remove(&s->reads, said->id);
        t->n_refs    = said->n_refs + (t->anchor && t->n_recipes > 0);
        if (tensor_add(s, t, said->id, recipe) < 0 || anchor_look(s, t) < 0)
                return error_oom(err, sizeof(*t));
        s->holding = true;
        return 0;
}

static int by_id(const void *a, const void *b) {
        const uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

        return x < y ? -1 : x > y;
}

/* The rows of a transaction are all there or none of them, so it is rare that anything has come to nothing. */
int restored_begin(Sched *s) {
        _cleanup_(freep) uint64_t *tensor = calloc(s->tensors.n + 1, sizeof(*tensor));
        _cleanup_(freep) uint64_t *recipe = calloc(s->recipes.n + 1, sizeof(*recipe));
        uint32_t n_tensor = 0, n_recipe = 0;
        int r = tensor && recipe ? 0 : -ENOMEM;

        for (uint32_t k = 0; k < s->tensors.capacity && r == 0; k++)
                if (s->tensors.entry[k].value)
                        tensor[n_tensor++] = s->tensors.entry[k].key;
        for (uint32_t k = 0; k < s->recipes.capacity && r == 0; k++)
                if (s->recipes.entry[k].value)
                        recipe[n_recipe++] = s->recipes.entry[k].key;
        if (n_recipe > 0)
                qsort(recipe, n_recipe, sizeof(*recipe), by_id); /* what others read was made before them */
        for (uint32_t k = 0; k < n_recipe; k++) {
                Recipe *one = recipe_find(s, recipe[k]);

                one->depth = recipe_depth(s, &one->said);
        }
        for (uint32_t k = 0; k < n_tensor && r == 0; k++) {
                SchedTensor *t = sched_tensor(s, tensor[k]);

                if (!t || t->n_refs + t->n_recipes > 0)
                        continue;
                tensor_ref(s, t);
                r = tensor_unref(s, tensor[k]);
        }
        for (uint32_t k = 0; k < n_recipe && r == 0; k++) {
                Recipe *one = recipe_find(s, recipe[k]);

                if (!one || one->n_uses > 0)
                        continue;
                one->n_uses++;
                r = recipe_unuse(s, one);
        }
        map_done(&s->reads);
        s->reads = (Map) {};
        return r;
}

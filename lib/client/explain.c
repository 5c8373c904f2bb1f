/* SPDX-License-Identifier: Apache-2.0 */
/* What would run, for people: the plan as text, or the graph of operators as a picture. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/execute.h"
#include "client/layout.h"
#include "client/session.h"
#include "graph/params.h"

enum {
        PICTURE_NODES = 2000, /* nobody reads a picture of more */
        LINES         = 3,    /* of a box */
        LINE_BYTES    = 64,
};

/* The lines of a node: what, with which parameters, makes what. */
typedef struct Label {
        char line[LINES][LINE_BYTES];
        int n;
        const char *class; /* family, or what kind of leaf */
        bool wanted;
} Label;

static _printf_(2, 3) void add_line(Label *label, const char *fmt, ...) {
        char text[512];
        va_list args;
        size_t n;

        va_start(args, fmt);
        vsnprintf(text, sizeof(text), fmt, args);
        va_end(args);
        n = strlen(text);
        if (n >= LINE_BYTES) { /* cut, but not within a character */
                n = LINE_BYTES - 4;
                while (n > 0 && ((unsigned char) text[n] & 0xc0) == 0x80)
                        n--;
                memcpy(text + n, "…", sizeof("…"));
                n += sizeof("…") - 1;
        }
        memcpy(label->line[label->n++], text, n + 1);
}

static bool is_scalar(const Node *node) {
        return node->op && node->n_in == 0 && strcmp(node->op->name, "full") == 0 && node->out[0].shape.ndim == 0;
}

static void print_value(Label *label, const Scalar *value) {
        switch (dtype_kind(value->dtype)) {
        case KIND_BOOL:
                add_line(label, "%s", value->b ? "True" : "False");
                break;
        case KIND_INT:
                add_line(label, "%lld", (long long) scalar_i64(*value));
                break;
        case KIND_UINT:
                add_line(label, "%llu", (unsigned long long) scalar_i64(*value));
                break;
        case KIND_FLOAT:
                add_line(label, "%.6g", scalar_f64(*value));
                break;
        case KIND_COMPLEX:
                add_line(label, "%.6g%+.6gj", scalar_cast(*value, DTYPE_C128).c128[0],
                         scalar_cast(*value, DTYPE_C128).c128[1]);
                break;
        }
}

/* "axis=(0,)": the parameters that say something, those that differ from their fallbacks. NULL when out of memory. */
static const char *print_params(Arena *arena, const Op *op, const void *params) {
        Op some    = *op;
        void *bare = arena_alloc(arena, op->params_size + 1);
        uint32_t n = 0;
        Param *param;

        for (const Param *p = params_of(op); p->name; p++)
                n++;
        param = arena_new_array(arena, Param, n + 1);
        if (!bare || !param)
                return NULL;
        some.params = param;
        for (const Param *p = params_of(op); p->name; p++)
                if (param_default(p, bare, NULL) < 0 || !param_equal(p, params, bare))
                        *param++ = *p;
        return params_print(arena, &some, params);
}

static int label_node(const Walk *walk, uint32_t number, Arena *arena, Label *ret) {
        const Node *node = &walk->graph->node.data[number];
        char shape[SHAPE_TEXT];

        *ret = (Label) { .class = node->op ? family_names[node->op->family] : "data" };
        for (uint32_t i = 0; i < walk->graph->wanted.n; i++)
                ret->wanted |= walk->graph->wanted.data[i].node == number;
        if (is_scalar(node)) {
                ret->class = "scalar";
                print_value(ret, &((const FullParams *) node->params)->value);
                return 0;
        }
        if (node->op) {
                const char *params = print_params(arena, node->op, node->params);

                if (!params)
                        return -ENOMEM;
                add_line(ret, "%s", node->op->name);
                if (*params)
                        add_line(ret, "%s", params);
        } else {
                const Expr *e = walk->leaf.data[node->stored - 1].tensor->expr;

                add_line(ret, "%s%s", expr_name(e), e->kind == EXPR_OP ? ", executed" : "");
        }
        add_line(ret, "%s %s%s", dtype_name(node->out[0].dtype), shape_print(&node->out[0].shape, shape),
                 node->n_out > 1 ? ", …" : "");
        return 0;
}

/* ---- DOT
 * ----------------------------------------------------------------------------------------------------------------- */

static void print_quoted(FILE *f, const char *text) {
        for (; *text; text++) {
                if (*text == '"' || *text == '\\')
                        fputc('\\', f);
                fputc(*text, f);
        }
}

static int print_dot(const Walk *walk, Arena *arena, FILE *f) {
        fputs("digraph mars {\n        node [shape=box, style=rounded, fontname=\"sans-serif\"];\n", f);
        for (uint32_t i = 0; i < walk->graph->node.n; i++) {
                Label label;

                if (label_node(walk, i, arena, &label) < 0)
                        return -ENOMEM;
                fprintf(f, "        n%u [label=\"", i);
                for (int k = 0; k < label.n; k++) {
                        print_quoted(f, label.line[k]);
                        fputs(k + 1 < label.n ? "\\n" : "", f);
                }
                fprintf(f, "\"%s];\n", label.wanted ? ", penwidth=2" : "");
        }
        for (uint32_t i = 0; i < walk->graph->node.n; i++) {
                const Node *node = &walk->graph->node.data[i];

                for (uint32_t k = 0; k < node->n_in; k++)
                        fprintf(f, "        n%u -> n%u;\n", node->in[k].node, i);
        }
        fputs("}\n", f);
        return 0;
}

/* ---- SVG
 * ----------------------------------------------------------------------------------------------------------------- */

enum { CHAR_WIDTH = 7, LINE_HEIGHT = 16, PADDING = 10, GAP_X = 24, GAP_Y = 36, MARGIN = 12 };

static const char style[] =
        "<style>\n"
        "text { font: 12px ui-sans-serif, system-ui, sans-serif; fill: #1b1f24; text-anchor: middle; }\n"
        "text.name { font-weight: 600; }\n"
        "text.spec, text.params { fill: #57606a; font-size: 11px; }\n"
        "rect { fill: #f6f8fa; stroke: #8c959f; rx: 6px; }\n"
        "path { fill: none; stroke: #8c959f; stroke-width: 1.2; }\n"
        ".map rect { fill: #e7f0fb; stroke: #6c9bd2; } .reduce rect, .scan rect { fill: #fdeedd; stroke: #d99a4e; }\n"
        ".contract rect, .block rect { fill: #f6e3ea; stroke: #c8718f; }\n"
        ".move rect { fill: #eef3e6; stroke: #90ae62; } .exchange rect { fill: #efe8f8; stroke: #987bc6; }\n"
        ".source rect { fill: #e4f4f1; stroke: #58a99b; }\n"
        ".data rect { fill: #ffffff; stroke: #57606a; } .scalar rect { fill: none; stroke: none; }\n"
        ".wanted rect { stroke-width: 2.5; }\n"
        "</style>\n";

static void print_xml(FILE *f, const char *text) {
        for (; *text; text++)
                switch (*text) {
                case '<':
                        fputs("&lt;", f);
                        break;
                case '>':
                        fputs("&gt;", f);
                        break;
                case '&':
                        fputs("&amp;", f);
                        break;
                case '"':
                        fputs("&quot;", f);
                        break;
                default:
                        fputc(*text, f);
                }
}

/* Characters of UTF-8 text. */
static size_t count_chars(const char *text) {
        size_t n = 0;

        for (; *text; text++)
                n += ((unsigned char) *text & 0xc0) != 0x80;
        return n;
}

static void print_edge(FILE *f, const Layout *l, const LayoutEdge *e) {
        const LayoutBox *from = &l->box.data[e->from];
        double x = from->x, y = from->y + from->height / 2;

        fprintf(f, "<path d=\"M%.1f %.1f", x, y);
        for (uint32_t k = 0; k <= e->n_bend; k++) {
                const LayoutBox *to = &l->box.data[k < e->n_bend ? e->first_bend + k : e->to];
                const double to_y   = to->y - to->height / 2, middle = (y + to_y) / 2;

                fprintf(f, " C%.1f %.1f %.1f %.1f %.1f %.1f", x, middle, to->x, middle, to->x, to_y);
                x = to->x;
                y = to->y + to->height / 2;
                if (k < e->n_bend)
                        fprintf(f, " V%.1f", y);
        }
        fputs("\" marker-end=\"url(#arrow)\"/>\n", f);
}

static void print_box(FILE *f, const LayoutBox *box, const Label *label, const Op *op) {
        static const char *const classes[] = { "name", "params", "spec" };
        double y = box->y - box->height / 2;

        fprintf(f, "<g class=\"%s%s\">", label->class, label->wanted ? " wanted" : "");
        if (op) {
                char first[256]; /* line of the documentation */

                snprintf(first, sizeof(first), "%.*s", (int) MIN(strcspn(op->doc, "\n"), sizeof(first) - 1), op->doc);
                fputs("<title>", f);
                print_xml(f, first);
                fputs("</title>", f);
        }
        fprintf(f, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>", box->x - box->width / 2, y,
                box->width, box->height);
        for (int k = 0; k < label->n; k++) {
                const char *class = k > 0 && k + 1 == label->n ? "spec" : classes[k];

                fprintf(f, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", class, box->x,
                        y + PADDING / 2.0 + LINE_HEIGHT * (k + 0.8));
                print_xml(f, label->line[k]);
                fputs("</text>", f);
        }
        fputs("</g>\n", f);
}

static int place_nodes(const Walk *walk, const Label *label, Layout *layout) {
        const Graph *graph = walk->graph;

        for (uint32_t i = 0; i < graph->node.n; i++) {
                size_t n_chars = 1;

                for (int k = 0; k < label[i].n; k++)
                        n_chars = MAX(n_chars, count_chars(label[i].line[k]));
                if (vec_push(&layout->box, (LayoutBox) { .width  = (double) n_chars * CHAR_WIDTH + 2 * PADDING,
                                                         .height = label[i].n * LINE_HEIGHT + PADDING }) < 0)
                        return -ENOMEM;
        }
        for (uint32_t i = 0; i < graph->node.n; i++)
                for (uint32_t k = 0; k < graph->node.data[i].n_in; k++)
                        if (vec_push(&layout->edge, (LayoutEdge) { graph->node.data[i].in[k].node, i, 0, 0 }) < 0)
                                return -ENOMEM;
        return layout_place(layout, GAP_X, GAP_Y);
}

static int print_svg(const Walk *walk, Arena *arena, FILE *f) {
        _cleanup_(layout_done) Layout layout = {};
        const Graph *graph                   = walk->graph;
        Label *label                         = arena_new_array(arena, Label, graph->node.n + 1);
        double width, height;

        if (!label)
                return -ENOMEM;
        for (uint32_t i = 0; i < graph->node.n; i++)
                if (label_node(walk, i, arena, &label[i]) < 0)
                        return -ENOMEM;
        if (place_nodes(walk, label, &layout) < 0)
                return -ENOMEM;
        width  = layout.width + 2 * MARGIN;
        height = layout.height + 2 * MARGIN;
        fprintf(f, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" ", width, height);
        fprintf(f, "viewBox=\"%d %d %.0f %.0f\">\n", -MARGIN, -MARGIN, width, height);
        fputs(style, f);
        fputs("<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" "
              "markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" style=\"fill: #8c959f; stroke: none\"/>"
              "</marker></defs>\n", f);
        for (uint32_t i = 0; i < layout.edge.n; i++)
                print_edge(f, &layout, &layout.edge.data[i]);
        for (uint32_t i = 0; i < graph->node.n; i++)
                print_box(f, &layout.box.data[i], &label[i], graph->node.data[i].op);
        fputs("</svg>\n", f);
        return 0;
}

/* ---- All three
 * ----------------------------------------------------------------------------------------------------------- */

static int print_text(Walk *walk, Arena *arena, FILE *f) {
        _cleanup_(plan_freep) Plan *plan = NULL;
        PlanLeaves leaves                = walk_leaves(walk);
        const char *text;
        int r;

        r = plan_make(walk->graph, &leaves, &plan, walk->err);
        if (r < 0)
                return r;
        text = plan_explain(plan, arena);
        if (!text)
                return -ENOMEM;
        fputs(text, f);
        return 0;
}

int mars_explain(char **ret, mars_session *session, size_t n, mars_tensor *const *tensors, const char *format,
                 mars_error *err) {
        const bool dot = format && strcmp(format, "dot") == 0, svg = format && strcmp(format, "svg") == 0;
        _cleanup_(walk_end) Walk walk       = { .look = true, .err = error_of(err) };
        _cleanup_(arena_freep) Arena *arena = arena_new();
        char *text                          = NULL;
        size_t size                         = 0;
        FILE *f;
        int r;

        if (!arena)
                return error_oom(error_of(err), sizeof(Walk));
        if (format && !dot && !svg && strcmp(format, "text") != 0)
                return error_set(error_of(err), ERROR_VALUE, "there is no format '%s', only 'text', 'dot' and 'svg'",
                                 format);
        if (session) {
                r = session_engine(session, &walk.engine, error_of(err));
                if (r < 0)
                        return r;
        }
        r = walk_begin(&walk);
        for (size_t i = 0; i < n && r >= 0; i++)
                r = tensors[i] ? walk_want(&walk, tensors[i])
                               : error_set(error_of(err), ERROR_VALUE, "a tensor is NULL");
        if (r < 0)
                return r;
        if ((dot || svg) && walk.graph->node.n > PICTURE_NODES)
                return error_set(error_of(err), ERROR_VALUE, "%u operations do not fit in a picture (at most %d)",
                                 walk.graph->node.n, PICTURE_NODES);

        f = open_memstream(&text, &size);
        if (!f)
                return error_oom(error_of(err), sizeof(*f));
        r = dot ? print_dot(&walk, arena, f) : svg ? print_svg(&walk, arena, f) : print_text(&walk, arena, f);
        if (fclose(f) != 0 && r >= 0)
                r = -ENOMEM;
        if (r < 0) {
                free(text);
                return error_prefix(error_of(err), r, "explain");
        }
        *ret = text;
        return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What happens to a cluster, as numbers that mean the same in every release: the MESSAGE_ID of a line in the journal,
 * which units/mars.catalog explains. A number is never used for something else. */
#define EVENT_WORKER_JOINED  "9e684aec73fb4bb5a5e07d990bb6fde0"
#define EVENT_WORKER_GONE    "e4459123e123447e8ed11c992ead8ace"
#define EVENT_WORKER_LEFT    "de8e2fab6b644a048fde50a69c6274d7"
#define EVENT_WORKER_EMPTY   "b5cccccb72374a998071e112d55d84d4"
#define EVENT_DIFFERS        "3a61c05b7f1d4e5fb2c49d0e8a6f7b13"
#define EVENT_SESSION_BEGINS "ae91891304644d49b1248d9336b9755b"
#define EVENT_SESSION_ENDS   "598a6b7da84a4f7cb41fbadb68c5f9eb"

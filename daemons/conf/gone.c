/* SPDX-License-Identifier: Apache-2.0 */
/* Options and variables of the original Mars (v0.1 to v0.10) that are understood and mean nothing any more, so that no
 * script has to be rewritten before it runs. Those that still mean something are in the tables of the programs. */
#include "daemons/conf/inside.h"

#define SCHEDULER_ALWAYS "the scheduler does this by itself"

const ConfGone conf_gone[] = {
        { "-k --kv-store -Dkv_store", CONF_ONE,
          "there is no key-value store: workers are told of schedulers by --schedulers" },
        { "--format --log-format --log_conf", CONF_ONE, "messages go to the journal, which systemd configures" },
        { "-Dcustom_log_dir", CONF_ONE, "messages go to the journal, which systemd configures" },
        { "-c --config -f --config-file", CONF_ONE, "keys are in INI files, see --print-config" },
        { "--inspect", CONF_ONE, "marsctl looks into a running cluster" },
        { "--profile", CONF_MAYBE, "perf and marsctl show where time goes, without a restart" },
        { "--load-modules MARS_LOAD_MODULES", CONF_MANY, "operators are compiled in, and no code is loaded" },
        { "--use-uvloop", CONF_MAYBE, "the loop is the system's own" },
        { "--nproc --n-process", CONF_ONE, "the scheduler is one process with one thread that decides" },
        { "--disable-failover -Dscheduler.enable_failover", CONF_NOTHING, "what is lost is always computed again" },
        { "--io-procs --net-procs --n-io-process -Dworker.io_process_count", CONF_ONE,
          "chunks are sent and received by the worker's loop" },
        { "--disable-proc-recover -Dworker.recover_dead_process", CONF_NOTHING,
          "a daemon is one process, which systemd starts again" },
        { "--ignore-avail-mem", CONF_NOTHING, "--cache-mem and --phy-mem say how much memory is taken" },
        { "--min-mem --min-cache-mem -Dworker.min_cache_mem_size", CONF_ONE,
          "a worker with little memory spills, and refuses a task that can never fit with both numbers" },
        { "-Dworker.physical_memory_limit_soft -Dworker.physical_memory_limit_hard", CONF_ONE,
          "the limits are 75% and 90% of --phy-mem" },
        { "--plasma-one-mapped-file -Dworker.plasma_one_mapped_file", CONF_NOTHING,
          "chunks lie in two memory files at most" },
        { "--plasma-dir --plasma-limit -Dworker.plasma_dir -Dworker.plasma_limit -Dworker.plasma_socket "
          "MARS_PLASMA_DIRS MARS_SHARED_HOLDER_START_TIMEOUT",
          CONF_ONE, "chunks lie in the worker's own memory files, not in plasma" },
        { "--disk-compression --transfer-compression -Dworker.disk_compression -Dworker.transfer_compression "
          "-Dpersist_compression",
          CONF_ONE, "a chunk is compressed where that makes it faster" },
        { "--lock-free-fileio -Dworker.lock_free_fileio MARS_LOCK_FREE_FILEIO", CONF_NOTHING,
          "disks are written through io_uring" },
        { "--write-shuffle-to-disk -Dworker.write_shuffle_to_disk", CONF_NOTHING,
          "chunks of a shuffle go to disk when memory is needed" },
        { "--io-parallel-num -Dworker.io_parallel_num -Dworker.copy_block_size -Dworker.transfer_block_size "
          "-Dworker.filemerger.enabled -Dworker.filemerger.concurrency -Dworker.filemerger.max_accept_size "
          "-Dworker.filemerger.max_file_size",
          CONF_ONE, "the worker measures its disks and links" },
        { "-Dworker.min_spill_size -Dworker.max_spill_size", CONF_ONE, "as much is spilled as is needed" },
        { "--cuda-device --cuda-devices -Dworker.cuda_thread_num -Dscheduler.default_cuda_usage", CONF_ONE,
          "tasks run on CPUs" },
        { "--no-cuda", CONF_NOTHING, "tasks run on CPUs" },
        { "-Dworker.callback_preserve_time -Dworker.event_preserve_time -Dworker.prepare_data_timeout "
          "-Dworker.peer_blacklist_time",
          CONF_ONE, "what is done and what is lost are events to the scheduler" },
        { "-Dscheduler.retry_num -Dscheduler.retry_delay", CONF_ONE,
          "an error that would come again is told at once, and a task that kills two workers fails" },
        { "-Dscheduler.assign_chunk_workers -Dscheduler.enable_active_push -Dscheduler.enable_chunk_relocation "
          "-Dscheduler.check_interval -Dscheduler.default_cpu_usage -Dscheduler.heartbeat_timeout "
          "-Dscheduler.execution_timeout -Dscheduler.fetch_limit -Dscheduler.worker_blacklist_time "
          "-Dscheduler.batch_enqueue_initials -Dscheduler.aggressive_assign -Dscheduler.assign_timeout "
          "-Dscheduler.dump_graph_data -Dcheck_interval",
          CONF_ONE, SCHEDULER_ALWAYS },
        { "-Doptimize.min_stats_count -Doptimize.stats_sufficient_ratio -Doptimize.default_disk_io_speed "
          "-Doptimize_tileable_graph",
          CONF_ONE, SCHEDULER_ALWAYS },
        { "-Dtensor.chunk_size -Dtensor.chunk_store_limit -Dtensor.rechunk.threshold -Dtensor.rechunk.chunk_size_limit "
          "-Dtensor.combine_size -Dchunk_size -Dchunk_store_limit -Drechunk.threshold -Drechunk.chunk_size_limit "
          "-Dcombine_size -Deager_mode -Dclient.serial_type -Ddeploy.open_browser",
          CONF_ONE, "how tensors are cut is said where they are made, in the client's program" },
        { "-Dtcp_timeout -Dverbose -Dgrpc.channel_options -Dvineyard.socket", CONF_ONE, "nothing reads it" },
        { "MARS_USE_PROCESS_STAT MARS_USE_CGROUP_STAT MARS_CPU_USE_PROCESS_STAT MARS_CPU_USE_CGROUP_STAT "
          "MARS_MEM_USE_PROCESS_STAT MARS_MEM_USE_CGROUP_STAT",
          CONF_ONE, "control groups are always respected" },
        {},
};

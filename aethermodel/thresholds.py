"""Thresholds of measuring and judging: each limit, level and count once, with its reason.

What one file alone knows stays there: limits of a parser, checks of the doctor, goals of a
benchmark against a peer.
"""

from __future__ import annotations

# Intervals ---------------------------------------------------------------------------------------
#: Confidence of every interval: the customary one.
LEVEL = 0.95
#: Repeats from which on ranks hold a median with `LEVEL`: 1 - 2 / 2**6 is the first above it.
REPEATS_FOR_INTERVAL = 6
#: Repeats from which on the median is on one side of a threshold with `LEVEL`: 1 - 1 / 2**5.
REPEATS_FOR_VERDICT = 5
#: Draws of a Monte Carlo interval: its ends then stray by less than a tenth of its width.
DRAWS = 4000
#: Percentiles of a latency, as shares: the middle, and the tails that budgets name.
PERCENTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999}
#: Those of instruments that are read while a bus runs: fewer, as each is a column of its own.
FEW_PERCENTILES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}

# Warm-up -----------------------------------------------------------------------------------------
#: Two successive windows that differ by less are warm: half of the worst error that is allowed.
WARM_TOLERANCE = 0.05
#: Windows after which a warm-up gives up: what has not settled by then is disturbed from outside,
#: is marked, and is warmed up once more before it is sampled again.
WARM_WINDOWS = 3
#: Share of a run under load that only warms it up: queues are empty when it starts.
LOAD_WARM_UP = 0.1

# Mark: what disturbed a sample -------------------------------------------------------------------
#: A core that takes so many times what it did at best is not this process's alone: a second thread
#: of the same core costs half and more, the clock's own drift less than a tenth. What is looked at
#: is `cython_core.probes.core_pace`: a loop of the interpreter takes up to a third longer for where
#: its frame lies.
SHARED_CORE = 1.25
#: Cores between which a line takes so many times what it did at best have been moved apart: with
#: neighbours on both it takes less than twice as long, without a common cache four times.
CORES_APART = 2.5
#: Share of a sample's own time for which a process waited for a core, where another one is free:
#: two on one core wait for as long as they run, the kernel's own threads take a fiftieth at most.
QUEUED_SHARE = 0.1
#: Of many looks at an idle loop the best but for a hundredth, which the clock may have made.
BEST_CORE_QUANTILE = 0.01
#: Seconds of a gap between two turns of an idle loop that is a pause: longer than a turn takes on a
#: core that a neighbour shares.
PAUSE_SECONDS = 5e-6
#: A run is preempted where the kernel took a core away so many times as often as it always does
#: here: where every core has its process, the kernel's own threads have no other place.
PREEMPTED_TIMES = 2.0
#: Share of a run under load in which a process that never waits may be off its core: P99 is about
#: a hundredth of the batches, and what takes twice that decides it.
AWAY_SHARE = 0.02
#: A lap of the event loop that takes so many medians is slow.
SLOW_LAP = 2.0
#: Share of a batch's usual time that what others took of the cores since its queue was last empty
#: may hold it up by, where it counts as left alone: P99 is a batch's time at least, so that this is
#: less than a quarter of what it may be off by.
HELD_UP = 0.05
#: Batches that a run needs of which nothing held up more: P99 of fewer is the largest of them.
LEFT_ALONE_BATCHES = 200
#: How often a disturbed sample is taken again: most disturbances are over by the second time.
RETRIES = 2
#: How often a disturbed run under load is: it is a hundred times longer, and rarely left alone.
LOAD_RETRIES = 4
#: Share of a sweep point's samples that may be disturbed before the point is run again.
NOISE_GATE = 0.4

# Reject: what a figure is made of ----------------------------------------------------------------
#: Seconds of a slice: longer than the looks beside it cost, shorter than most of what disturbs.
SLICE_SECONDS = 0.001
#: Slices of a sample: of eight some are calm where a neighbour works half of the time.
SLICES = 8
#: Share of what is timed that the reads of the clock may cost without a word.
CLOCK_SHARE = 0.02
#: Seconds that a sample of a long operation may take: it then has fewer slices.
LONGEST_SAMPLE_SECONDS = 0.2
#: Calm slices that a sample needs, where it has so many: a single one may be calm by chance.
CALM_SLICES = 2
#: Calm slices that the rate of a whole run needs: it has hundreds.
CALM_SLICES_OF_A_RUN = 20
#: Share of a row's slices that these have to be: of one in fifty nobody knows why it was calm.
CALM_SHARE_OF_A_RUN = 0.1
#: Calm samples or runs from which on the others are left out: one outlier moves no median of three.
CALM_SAMPLES = 3
#: Calm samples or runs that do where there were no others: two agree or do not, one says nothing.
ALL_CALM_SAMPLES = 2
#: Processes that calm samples come from: what one process shows may be its layout.
CALM_PROCESSES = 2
#: Standard deviations at which Tukey's biweight gives a sample no weight: it keeps 95 % of the
#: mean's efficiency on Gaussian noise (Holland and Welsch 1977, doi 10.1080/03610927708827533). A
#: plain median of five keeps 70 %, which alone would spend the error budget of an extrapolation to
#: 64 times the measured range.
OUTLIER_CUTOFF = 4.685

# Sampling ----------------------------------------------------------------------------------------
#: Processes that every point is sampled in: the fewest that show what processes differ by.
FEWEST_PROCESSES = 3
#: A point whose processes' medians, or calm runs, lie within this share of each other is known well
#: enough: less than what the model may be off by.
NARROW = 0.04
#: Seconds that a calibration, a validation and the pipeline benchmark sample for unless told
#: otherwise: what one waits for.
CALIBRATION_SECONDS, VALIDATION_SECONDS, PIPELINE_SECONDS = 60.0, 120.0, 180.0
#: Share of a calibration's budget that is kept for fitting and writing.
CALIBRATION_RESERVE = 0.05
#: Share of a budget that is kept for what comes after the samples; in seconds at most.
SAMPLING_RESERVE, MOST_RESERVE_SECONDS = 0.1, 10.0
#: Share of the pipeline benchmark's budget for the probes of the terms.
TERMS_SHARE = 0.5
#: A refinement that leaves this share of a confidence region or more is not worth its time.
WORTHWHILE_SHRINKAGE = 0.97
#: Processes and repeats of a drift check: enough for an interval, within a few seconds.
DRIFT_PROCESSES, DRIFT_REPEATS = 3, 4
#: Runs at full speed that a process's capacity is the median of.
CAPACITY_RUNS = 5
#: Rounds of an interleaved contest: the least and the greatest of seven ratios hold the median's
#: true value between them with 98 % (1 - 2 / 2**7), whatever the distribution.
ROUNDS = 7

# Fit ---------------------------------------------------------------------------------------------
#: Below this probability the scatter between sizes is more than the repeats explain.
LACK_OF_FIT = 0.01
#: Significance of a knee: it changes every extrapolation beyond it, so that chance must be ruled
#: out well before one enters.
KNEE_SIGNIFICANCE = 0.001
#: Held-out errors this close say nothing about which law is nearer: the simpler one is taken.
TIED_ERRORS = 1.01
#: Correlation at which a parameter is seven times less certain than if the other were known.
CONFUSED = 0.99
#: Condition number of a scaled design from which on its parameters cannot be told apart (Belsley,
#: Kuh and Welsch 1980, section 3.2).
HARMFUL_CONDITION = 30.0
#: Share of outliers from which on an interval for 95 % of new samples misleads.
MANY_OUTLIERS = 0.05
#: A law that the last round of weights still moved by more is not the one the samples ask for.
UNSETTLED_LAW = 0.001
#: Relative deviation of a term's samples from its law from which on it is too noisy to rely on:
#: from there on pyperf calls a benchmark unstable.
MOST_NOISE = 0.10
#: Ends of an interval of a ratio that are so many times apart tell nothing of the ratio, but that
#: one of its sides was hardly measured.
UNKNOWN_SPAN = 10.0

# Judge -------------------------------------------------------------------------------------------
#: Share of disturbed samples or runs above which a miss says nothing.
MOST_DISTURBED = 0.5
#: The model is true where its mean and worst relative errors are no larger: what the ECM model's
#: authors report for theirs.
MEAN_ERROR, WORST_ERROR = 0.05, 0.10
#: Confidence of the interval that a fresh figure must fall into. Several points are held against
#: theirs, so that 95 % would cry wolf too often.
DRIFT_LEVEL = 0.99
#: The model is right about the tail where its P99 is off by no more: twice the worst error of a
#: mean, since a schedule's own P99 strays by 15 % from run to run.
P99_ERROR = 0.20
#: Loads at which that is judged: the middle, and the highest that one runs a service at.
JUDGED_LOADS = (0.5, 0.8)
#: What adaptive batching carries, over the best fixed size, at least, and the load up to which it
#: holds its target.
ADAPTIVE_SHARE, ADAPTIVE_LOAD = 0.9, 0.8
#: Median error of the verbs cost model on settings that it has not seen.
VERBS_ERROR = 0.10
#: Share of the model's best rate that the recommended size reaches by the model, and share of the
#: sweep's best measured rate that it is to reach in fact.
OPTIMUM_SHARE, OPTIMUM_REACHED = 0.99, 0.98
#: The same of a pipeline of one's own, whose stages do what they like.
OWN_OPTIMUM_REACHED = 0.97
#: Seconds that the bus may add to a tick, and to each handler call in it.
DISPATCH_TICK_SECONDS, DISPATCH_CALL_SECONDS = 1e-6, 0.5e-6
#: Share of a tick of sixteen Python handlers that one of as many in C may take.
NATIVE_TICK_SHARE = 0.5
#: Pipeline goals: times the specification's rate across processes, times the naive rate by
#: batches, and seconds that the P99 of a tick stays below.
ACROSS_TIMES, BATCHED_TIMES, TICK_SECONDS = 3.0, 100.0, 1e-3
#: A soak that has fallen behind by this share of its time is ended.
SOAK_MOST_LATE = 0.25
#: Chance at most that two runs of the same are called different: half for all points together,
#: half for any one of them.
FALSE_ALARMS = 0.02
#: A shift within this is none: the same host differs by as much from hour to hour.
SMALLEST_SHIFT = 0.02
#: An interval that reaches no further from one than this says that nothing moved.
SAME_WITHIN = 0.05

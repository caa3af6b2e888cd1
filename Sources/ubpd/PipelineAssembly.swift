import Daemon
import EventLog
import Events
import Features
import Kernels
import Logging
import Pipeline
import Profiles
import Sessions
import Storage

/// The machine's files, clocks and randomness.
func makeHost() -> Host {
    Host.real
}

/// Puts the pipeline together that `ubpd run` serves: state and registry are recovered here.
func makePipeline(
    configuration: Configuration, host: Host, logger: Logger
) throws(PipelineError) -> AssembledPipeline {
    let pipeline = try LivePipeline(host: host, options: try configuration.pipelineOptions())
    return AssembledPipeline(
        service: pipeline,
        names: DictionaryNames(directory: configuration.logDirectory, host: host, logger: logger),
        registry: pipeline.registry, run: { try await pipeline.run() })
}

extension Configuration {
    /// The fold that a new generation freezes, and that generation 0 uses.
    var foldOptions: FoldOptions {
        var fold = FoldOptions()
        fold.order.latenessSeconds = order.latenessSeconds
        fold.order.pendingLimit = order.pendingEvents
        fold.order.eventIDLimit = features.eventIDs
        fold.sessions.rule = sessions.rule == .cap ? .cap : .inactivity
        fold.sessions.gapSeconds = sessions.gapSeconds
        fold.sessions.maximumDurationSeconds = sessions.maxDurationSeconds
        fold.sessions.tailSeconds = sessions.tailSeconds
        fold.mapKeyLimit = features.mapKeys
        fold.rowWindow = features.rowWindow
        return fold
    }

    /// The log clock's options.
    var clockOptions: ClockOptions {
        var options = ClockOptions()
        options.users = clock.users
        options.maximumJumpSeconds = clock.maxJumpSeconds
        options.heldLimit = clock.heldEvents
        return options
    }

    /// How the log is read.
    var readerOptions: LogReaderOptions {
        LogReaderOptions(
            chunkByteCount: log.reader.chunkBytes, chunkRecordCount: batch.records,
            recordByteCount: log.reader.recordBytes,
            sealGraceMilliseconds: Int(log.reader.graceSeconds) * 1000)
    }

    /// What the pipeline is told.
    func pipelineOptions() throws(PipelineError) -> PipelineOptions {
        var options = PipelineOptions(
            logDirectory: logDirectory, stateDirectory: stateDirectory)
        options.reader = readerOptions
        options.earliestSeconds = events.earliestSeconds
        options.latestSeconds = events.latestSeconds
        options.clock = clockOptions
        options.fold = foldOptions
        options.level = try instructionLevel()
        options.stepping = encoders.stepping == .lazy ? .lazy : .resident
        options.hybrid = profile.hybrid
        options.batchMicroseconds = UInt64(batch.maxMicroseconds)
        options.commitMilliseconds = UInt64(commit.intervalMilliseconds)
        options.commitByteCount = commit.catchUpBytes
        options.commitUserCount = commit.users
        options.residentByteCount = memory.residentBytes
        options.snapshotActiveDays = Int64(snapshot.activeDays)
        options.snapshotRetainCount = snapshot.retain
        options.snapshotRetainDays = snapshot.retainDays
        options.snapshotSliceUserCount = snapshot.sliceUsers
        options.snapshotHandoverCount = snapshot.handoverUsers
        options.generationRetainCount = generations.retain
        options.spaceOverlapDays = Int64(space.overlapDays)
        options.profileBatchCount = control.profileBatch
        options.profileCacheCount = control.profileCache
        options.watchChangeCount = control.watchChanges
        options.quarantineByteCount = quarantine.bytes
        options.quarantineDays = Int64(quarantine.days)
        return options
    }

    private func instructionLevel() throws(PipelineError) -> InstructionLevel {
        guard encoders.kernels != .auto else { return .best }
        guard let level = InstructionLevel(rawValue: encoders.kernels.rawValue),
            InstructionLevel.supported.contains(level)
        else {
            let names = InstructionLevel.supported.map(\.rawValue).joined(separator: ", ")
            throw .state(
                "encoders.kernels: this machine has no \(encoders.kernels.rawValue); "
                    + "choose auto or one of: \(names)")
        }
        return level
    }
}

import Daemon
import Encoders
import Kernels
import Learning
import Refresh

extension Configuration {
    /// What a refresh is told of the log and of the fold.
    func refreshOptions(seed: UInt64) -> RefreshOptions {
        var options = RefreshOptions(
            logDirectory: logDirectory, stateDirectory: stateDirectory, seed: seed)
        options.fold = foldOptions
        options.clock = clockOptions
        options.reader = readerOptions
        options.earliestSeconds = events.earliestSeconds
        options.latestSeconds = events.latestSeconds
        options.memoryByteCount = refresh.memoryBudget
        options.threadCount = refresh.threads
        return options
    }

    /// What a whole refresh is told.
    func refreshJobOptions(
        _ kind: RefreshJobOptions.Kind, seed: UInt64
    ) -> RefreshJobOptions {
        var options = RefreshJobOptions(kind: kind, refresh: refreshOptions(seed: seed))
        options.memoryByteCount = refresh.memoryBudget
        options.historyDays = refresh.historyDays
        options.labelDays = refresh.labelDays
        options.futureDays = refresh.futureDays
        options.threadCount = refresh.threads
        options.parts = refresh.parts.map(\.encoder)
        options.rowLimit = train.maxRows
        options.epochUserLimit = train.epochUsers
        options.precision = train.precision == .bfloat16 ? .bfloat16 : .float32
        options.epochCounts = [
            .sra: train.epochs.sra, .fip: train.epochs.fip, .mtl: train.epochs.mtl,
            .mtlPropensity: train.epochs.mtlPropensity, .mtlChurn: train.epochs.mtlChurn,
            .esa: train.epochs.esa,
        ]
        options.itemFactors.epochCount = bpr.itemEpochs
        options.categoryFactors.epochCount = bpr.categoryEpochs
        options.factorPercent = bpr.nightPercent
        return options
    }
}

extension Configuration.RefreshPart {
    /// The network of this name.
    fileprivate var encoder: EncoderName {
        switch self {
        case .sra: .sra
        case .fip: .fip
        case .mtl: .mtl
        case .mtlPropensity: .mtlPropensity
        case .mtlChurn: .mtlChurn
        case .esa: .esa
        }
    }
}

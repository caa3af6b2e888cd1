import EventLog
import Storage

/// Where a simulation is written.
struct SimulationDirectory {
    let path: String
    let host: Host

    var log: String { path + "/log" }
    var truth: String { path + "/truth" }

    /// Makes sure that the directory is there, is free, and has room; removes what is replaced.
    func prepare(
        isReplacing: Bool, _ options: SimulationOptions
    ) throws(SimulationError) {
        let segments = try SimulationError.wrap { () throws(StorageError) in try segmentCount() }
        let hasTruth = try SimulationError.wrap { () throws(StorageError) in
            try host.disk.status(truth) != nil
        }
        if segments > 0 || hasTruth {
            guard isReplacing else {
                throw .occupied(directory: path, segmentCount: segments)
            }
            try remove()
        }
        try SimulationError.wrap { () throws(StorageError) in try host.disk.makeDirectory(path) }
        let free = try SimulationError.wrap { () throws(StorageError) in
            try host.disk.freeByteCount(path)
        }
        let needed = Self.expectedByteCount(options)
        guard free >= needed else {
            throw .diskFull(directory: path, freeByteCount: free, neededByteCount: needed)
        }
    }

    private func segmentCount() throws(StorageError) -> Int {
        guard try host.disk.status(log) != nil else { return 0 }
        return try host.disk.names(in: log).count { SegmentName.sequence($0) != nil }
    }

    /// Removes a finished simulation, and nothing that might be something else.
    private func remove() throws(SimulationError) {
        let isOurs = try SimulationError.wrap { () throws(StorageError) in
            try host.disk.status(truth + "/manifest.json") != nil
        }
        guard isOurs else { throw .foreign(directory: path) }
        try SimulationError.wrap { () throws(StorageError) in
            try host.disk.remove(log)
            // Last of all its manifest, so that a second attempt finds one.
            for name in try host.disk.names(in: truth) where name != "manifest.json" {
                try host.disk.remove(truth + "/" + name)
            }
            try host.disk.remove(truth)
        }
    }

    /// About what log and truth take: measured at 141 days, rounded up.
    private static func expectedByteCount(_ options: SimulationOptions) -> Int64 {
        let cutoffs = options.dayCount / 7 + 1
        let truth = 8 + 72 + 64 + 32 + 6 * cutoffs + 180 + 36
        return Int64(options.userCount) * Int64(truth + 400) + (64 << 20)
    }
}

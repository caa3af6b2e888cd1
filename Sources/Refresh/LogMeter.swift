import Storage

/// Turns bytes read and left of a log into a share, a rate and a time left.
struct LogMeter {
    /// How far a pass is.
    struct Reading {
        /// 0…1.
        var fraction: Double
        /// Decoded log bytes a second; 0 while unknown.
        var bytesPerSecond = 0.0
        /// Nil while unknown.
        var secondsLeft: Double?
    }

    private let clock: any Clock
    private let startNanoseconds: UInt64
    private let totalByteCount: Int64

    /// Starts the stopwatch.
    init(host: Host, logDirectory: String) {
        clock = host.clock
        startNanoseconds = clock.monotonicNanoseconds()
        // Progress alone hangs on it: what cannot be counted counts as nothing left.
        totalByteCount = (try? Self.byteCount(logDirectory, on: host.disk)) ?? 0
    }

    /// Seconds since the start.
    var seconds: Double { Double(clock.monotonicNanoseconds() - startNanoseconds) / 1e9 }

    /// After `decoded` bytes, with `left` compressed ones unread.
    func reading(decoded: Int64, left: Int64) -> Reading {
        let fraction =
            totalByteCount > 0 ? 1 - min(1, Double(left) / Double(totalByteCount)) : 1
        return Reading(
            fraction: fraction, bytesPerSecond: Double(decoded) / max(seconds, 1e-9),
            secondsLeft: fraction > 0 ? seconds / fraction - seconds : nil)
    }

    static func byteCount(_ directory: String, on disk: any Disk) throws -> Int64 {
        var sum: Int64 = 0
        for name in try disk.names(in: directory) where name.hasSuffix(".lz4") {
            sum += try disk.status("\(directory)/\(name)")?.byteCount ?? 0
        }
        return sum
    }
}

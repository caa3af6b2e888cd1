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

/// The same over several passes, each for the users of a range.
struct PassMeter {
    private let meter: LogMeter
    /// Decoded by the passes before this one, and by this one so far.
    private var doneByteCount: Int64 = 0
    private var passByteCount: Int64 = 0
    /// A pass that gives up users has done a smaller share than it seemed: never shown as a step
    /// back.
    private var highest = 0.0

    /// Starts the stopwatch.
    init(_ meter: LogMeter) { self.meter = meter }

    /// After `decoded` bytes of the pass for `users`, with `left` compressed ones unread.
    mutating func reading(decoded: Int64, left: Int64, users: UserRange) -> LogMeter.Reading {
        if decoded < passByteCount { doneByteCount += passByteCount }
        passByteCount = decoded
        var reading = meter.reading(decoded: doneByteCount + decoded, left: left)
        highest = max(highest, users.fractionBefore + reading.fraction * users.fraction)
        reading.fraction = min(1, highest)
        reading.secondsLeft =
            highest > 0 ? max(0, meter.seconds / reading.fraction - meter.seconds) : nil
        return reading
    }
}

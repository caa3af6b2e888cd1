import Kernels

/// What is simulated; equal options give equal bytes.
package struct SimulationOptions: Sendable, Equatable {
    /// Users that have at least one event in the log.
    package var userCount: Int
    package var dayCount: Int
    package var seed: UInt64
    /// The first second, a midnight UTC.
    package var startSeconds: Int64 = 1_653_264_000
    /// Whether tastes, popularity, prices and hazards move at the middle.
    package var hasShift = false
    /// Share of events that stand later in the log than their time, 0…1.
    package var lateShare = 0.0
    /// Users that are simulated between two reports of progress; changes nothing else.
    package var chunkUserCount = 4096

    package init(userCount: Int, dayCount: Int, seed: UInt64) {
        self.userCount = userCount
        self.dayCount = dayCount
        self.seed = seed
    }

    /// The bounds of `userCount`.
    package static let users = 1...50_000_000
    /// The bounds of `dayCount`: one cutoff at least, and no more than ten years.
    package static let days = 8...3650
    /// Most users × days, which bounds memory and time.
    package static let userDayLimit = 8_000_000_000

    /// The day on which the shop changes; nil without a shift.
    package var shiftDay: Int? { hasShift ? dayCount / 2 : nil }

    /// Throws `badOption` for a number out of its range.
    package func check() throws(SimulationError) {
        func refuse(_ name: String, _ value: some Any, _ allowed: String) -> SimulationError {
            .badOption(name: name, value: "\(value)", allowed: allowed)
        }
        guard Self.users.contains(userCount) else {
            throw refuse("users", userCount, "\(Self.users.lowerBound) to \(Self.users.upperBound)")
        }
        guard Self.days.contains(dayCount) else {
            throw refuse(
                "days", dayCount,
                "\(Self.days.lowerBound) to \(Self.days.upperBound); churn is asked of a whole "
                    + "week's past at least")
        }
        guard userCount * dayCount <= Self.userDayLimit else {
            throw refuse(
                "users", userCount, "at most \(Self.userDayLimit / dayCount) for \(dayCount) days")
        }
        guard startSeconds % 86_400 == 0, startSeconds >= 0,
            startSeconds + Int64(dayCount) * 86_400 <= 4_102_444_800
        else {
            throw refuse("start", startSeconds, "a day from 1970 on that ends before 2100")
        }
        guard (0...1).contains(lateShare) else { throw refuse("late", lateShare, "0 to 1") }
        guard (1...1 << 20).contains(chunkUserCount) else {
            throw refuse("chunk", chunkUserCount, "1 to \(1 << 20)")
        }
    }
}

/// Days, weekdays and hours of a simulated log.
struct Calendar: Sendable {
    /// Seconds of the grid on which all times lie.
    static let tickSeconds: Int64 = 5
    static let dayTickCount = 17_280
    /// Days after a cutoff in which a purchase is asked for.
    static let horizonDays = 14

    let startSeconds: Int64
    let dayCount: Int
    /// The first day of the changed shop; `dayCount` + `horizonDays` when it never changes.
    let shiftDay: Int
    let hasShift: Bool
    /// Days at whose midnight the truth is told, ascending: D, D − 7, D − 14, …, above 0.
    let cutoffDays: [Int]
    /// Expected sessions of a day relative to the mean day, by day modulo 7 from the start.
    private let weekdayFactors: [Double]

    init(_ options: SimulationOptions) {
        startSeconds = options.startSeconds
        dayCount = options.dayCount
        hasShift = options.hasShift
        shiftDay = options.shiftDay ?? options.dayCount + Self.horizonDays
        cutoffDays = stride(from: options.dayCount, to: 0, by: -7).reversed().map { $0 }
        // 1970-01-01 was a Thursday.
        let first = Int(options.startSeconds / 86_400 + 3) % 7
        weekdayFactors = (0..<7).map { ShopParameters.weekdayFactors[(first + $0) % 7] }
    }

    func weekdayFactor(_ day: Int) -> Double { weekdayFactors[day % 7] }

    func seconds(day: Int, tick: Int) -> Int64 {
        startSeconds + (Int64(day) * Int64(Self.dayTickCount) + Int64(tick)) * Self.tickSeconds
    }
}

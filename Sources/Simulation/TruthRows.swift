import Kernels
import Storage

/// What is true of users that the log does not tell, as the bytes of npy rows.
struct TruthRows {
    private(set) var userIDs: [UInt8] = []
    private(set) var traits: [UInt8] = []
    private(set) var departments: [UInt8] = []
    private(set) var departmentsAfter: [UInt8] = []
    private(set) var tastes: [UInt8] = []
    private(set) var tastesAfter: [UInt8] = []
    private(set) var states: [UInt8] = []
    private(set) var buyChances: [UInt8] = []
    private(set) var churnChances: [UInt8] = []
    private(set) var favourites: [UInt8] = []

    /// The columns of `traits`.
    static let traitNames = [
        "arrival_day", "activity", "sessions_per_day", "further_visits_per_session",
        "buys_per_session", "cooling_per_day", "return_per_day", "retention", "price_level",
    ]

    /// Adds what does not depend on the time.
    mutating func add(_ user: SimulatedUser, _ shop: Shop) {
        userIDs.append(little: shop.userIDs.id(user.index))
        let rates = user.rates(isShifted: false)
        let numbers = [
            Double(user.arrivalDay), user.activity, user.sessionRate, user.visitMean, user.buyBase,
            rates.cooling, rates.comeBack, user.retention, user.priceLevel,
        ]
        for number in numbers { traits.append(little: Int64(bitPattern: number.bitPattern)) }
        for index in 0..<SIMD16<Double>.scalarCount {
            departments.append(half: user.before.departments[index])
            if shop.calendar.hasShift {
                departmentsAfter.append(half: user.after.departments[index])
            }
        }
        for index in 0..<Latent.scalarCount {
            tastes.append(half: user.before.position[index])
            if shop.calendar.hasShift { tastesAfter.append(half: user.after.position[index]) }
        }
    }

    /// Adds one cutoff of the user whose life is being lived; they come in time order.
    mutating func addCutoff(state: Engagement?, buyChance: Double?, hasBought: Bool) {
        states.append(half: state.map { Double($0.rawValue) } ?? .nan)
        buyChances.append(half: buyChance ?? .nan)
        churnChances.append(half: hasBought ? buyChance.map { 1 - $0 } ?? .nan : .nan)
    }

    /// Adds a favourite that takes its slot from the beginning of `day` on.
    mutating func addFavourite(user: Int64, day: Int, slot: Int, category: Int64) {
        for number in [user, Int64(day), Int64(slot), category] {
            favourites.append(little: number)
        }
    }

    /// Forgets the rows, keeping the storage.
    mutating func removeAll() {
        userIDs.removeAll(keepingCapacity: true)
        traits.removeAll(keepingCapacity: true)
        departments.removeAll(keepingCapacity: true)
        departmentsAfter.removeAll(keepingCapacity: true)
        tastes.removeAll(keepingCapacity: true)
        tastesAfter.removeAll(keepingCapacity: true)
        states.removeAll(keepingCapacity: true)
        buyChances.removeAll(keepingCapacity: true)
        churnChances.removeAll(keepingCapacity: true)
        favourites.removeAll(keepingCapacity: true)
    }
}

extension [UInt8] {
    /// Appends eight bytes, least significant first.
    mutating func append(little value: Int64) {
        for shift in 0..<8 {
            append(UInt8(truncatingIfNeeded: value >> Int64(8 * shift)))
        }
    }

    /// Appends the half that is nearest.
    mutating func append(half value: Double) {
        let bits = halfBits(Float(value))
        append(UInt8(truncatingIfNeeded: bits))
        append(UInt8(truncatingIfNeeded: bits >> 8))
    }
}

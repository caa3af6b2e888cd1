import Kernels
import Storage

/// A user's latent traits, which stay for good, and the tastes on each side of the shift.
struct SimulatedUser: Sendable {
    let index: Int
    /// Seed of this user's streams: one for the traits, one for each day.
    let seed: UInt64
    let arrivalDay: Int
    /// z, standard normal: what activity, session length and loyalty have in common.
    let activity: Double
    /// λ, sessions a day when steady.
    let sessionRate: Double
    /// μ, mean of the further visits of a session when steady.
    let visitMean: Double
    /// q, probability that a session of a steady user buys.
    let buyBase: Double
    /// Probability that a session of a steady user that does not buy fills the cart: it tells of q.
    let cartChance: Double
    /// Probability to stay after the first session.
    let retention: Double
    let priceLevel: Double
    let before: Taste
    let after: Taste
    private let hazard: Double
    private let returnChance: Double

    /// The index-th user: a pure function of (seed, index) and the shop.
    init(_ index: Int, seed shopSeed: UInt64, shop: Shop) {
        typealias P = ShopParameters
        self.index = index
        seed = SeededRandom.mix(
            SeededRandom.mix(shopSeed ^ SimulationPart.user.rawValue << 56) &+ UInt64(index))
        var random = SeededRandom(seed: seed, stream: 0)
        activity = random.normal()
        arrivalDay = Self.arrival(shop.calendar, &random)
        sessionRate = min(
            P.highestSessionRate,
            Elementary.exp(P.sessionLogRate + P.sessionLogSlope * activity))
        visitMean = min(
            P.longestVisitMean,
            Elementary.exp(
                P.visitLogMean + P.visitLogSlope * activity + P.visitLogNoise * random.normal()))
        buyBase = min(
            P.highestBuyChance,
            P.buyChance
                * Elementary.exp(
                    P.buyLogSlope * activity + P.buyLogNoise * random.normal()
                        - P.buyLogNoise * P.buyLogNoise / 2))
        cartChance = min(0.5, P.cartChance * (buyBase / P.buyChance).squareRoot())
        retention = logistic(P.retentionOffset + P.retentionSlope * activity)
        hazard = min(
            0.4,
            P.coolingHazard
                * Elementary.exp(P.hazardLogSlope * activity + P.hazardLogNoise * random.normal()))
        returnChance = min(
            P.highestReturnChance,
            P.returnChance * Elementary.exp(P.returnLogSlope * activity))
        priceLevel = min(96, max(3, P.priceMean + P.priceSpread * random.normal()))
        let home = shop.centres[random.below(P.departmentCount)]
        let position = home * 0.8 + random.normalVector() * 0.6
        before = Taste(position, shop)
        // Drawn in any case, so that a shift changes nothing that comes before it.
        let other = shop.centres[random.below(P.departmentCount)]
        let fresh = other * 0.8 + random.normalVector() * 0.6
        after =
            shop.calendar.hasShift
            ? Taste(position * P.tasteKept + fresh * (1 - P.tasteKept), shop) : before
    }

    /// The chances of the engagement chain.
    func rates(isShifted: Bool) -> EngagementRates {
        let factor = isShifted ? ShopParameters.shiftedHazardFactor : 1
        return EngagementRates(
            cooling: min(ShopParameters.hazardLimit, hazard * factor), comeBack: returnChance)
    }

    /// q(s): the probability that a session in a state buys.
    func buyChance(_ state: Int) -> Double {
        min(ShopParameters.buyChanceLimit, buyBase * ShopParameters.buyFactors[state])
    }

    /// The taste on that side of the shift.
    func taste(isShifted: Bool) -> Taste { isShifted ? after : before }

    /// The generator of one day's choices, or of the shift's.
    func random(day: Int) -> SeededRandom { SeededRandom(seed: seed, stream: UInt64(day) + 1) }

    /// The first day with an event: some users were there before the log, the rest come evenly,
    /// both thinned by weekday.
    private static func arrival(_ calendar: Calendar, _ random: inout SeededRandom) -> Int {
        let isPresent = random.happens(ShopParameters.presentShare)
        let days = Double(calendar.dayCount)
        let mean = ShopParameters.presentMeanDays
        // Exponential, cut at the log's end.
        let mass = 1 - Elementary.exp(-days / mean)
        var day = 0
        for _ in 0..<16 {
            let draw = random.nextUnit()
            let time = isPresent ? -mean * Elementary.ln(1 - draw * mass) : draw * days
            day = min(calendar.dayCount - 1, Int(time))
            if random.happens(calendar.weekdayFactor(day) / 1.1) { break }
        }
        return day
    }
}

/// What a user likes: a position, and what follows from it for each department.
struct Taste: Sendable {
    /// θ.
    let position: Latent
    /// A(g) ∝ weight(g) exp(κ θ·γ_g), summing to 1.
    let departments: SIMD16<Double>

    init(_ position: Latent, _ shop: Shop) {
        self.position = position
        var odds = SIMD16<Double>(repeating: 0)
        var total = 0.0
        for (index, centre) in shop.centres.enumerated() {
            odds[index] =
                shop.departmentWeights[index]
                * Elementary.exp(ShopParameters.tasteSharpness * position.dot(centre))
            total += odds[index]
        }
        departments = odds / total
    }

    /// A category by A(g) and the popularity within the department.
    func category(_ shop: Shop, isShifted: Bool, _ random: inout SeededRandom) -> Int {
        var rest = random.nextUnit()
        var department = 0
        while department < SIMD16<Double>.scalarCount - 1, rest >= departments[department] {
            rest -= departments[department]
            department += 1
        }
        return shop.category(ofDepartment: department, isShifted: isShifted, &random)
    }
}

import Kernels

/// How a user stands to the shop: the state of a Markov chain that takes a step each midnight.
enum Engagement: Int, Sendable {
    /// No session comes; each night a small chance to return.
    case lapsed = 0
    /// On the way out: fewer and shorter sessions, cheaper items, more removals.
    case cooling
    case steady
    /// With something in mind: more sessions, searches and purchases.
    case hot
}

/// A user's chances of a step of the chain, per night.
struct EngagementRates: Sendable {
    /// From steady to cooling: the hazard that differs between users and moves with a shift.
    var cooling: Double
    /// From lapsed to steady.
    var comeBack: Double

    /// The next night's state, by a `draw` that is uniform in 0..<1.
    func next(after state: Engagement, _ draw: Double) -> Engagement {
        switch state {
        case .hot: draw < ShopParameters.settleChance ? .steady : .hot
        case .steady:
            draw < ShopParameters.warmChance
                ? .hot : draw < ShopParameters.warmChance + cooling ? .cooling : .steady
        case .cooling:
            draw < ShopParameters.recoverChance
                ? .steady
                : draw < ShopParameters.recoverChance + ShopParameters.lapseChance
                    ? .lapsed : .cooling
        case .lapsed: draw < comeBack ? .steady : .lapsed
        }
    }

    /// E[f(state after a night)] by the state before it.
    func expected(_ f: SIMD4<Double>) -> SIMD4<Double> {
        let warm = ShopParameters.warmChance
        let settle = ShopParameters.settleChance
        let recover = ShopParameters.recoverChance
        let lapse = ShopParameters.lapseChance
        return SIMD4(
            comeBack * f[2] + (1 - comeBack) * f[0],
            recover * f[2] + lapse * f[0] + (1 - recover - lapse) * f[1],
            warm * f[3] + cooling * f[1] + (1 - warm - cooling) * f[2],
            settle * f[2] + (1 - settle) * f[3])
    }
}

/// The probability of a purchase in the fourteen days after a midnight, given the state then.
///
/// Sessions of a day are Poisson with mean λ m(s) w(d), each buys with probability q(s) whatever
/// the others do, so no purchase happens on a day in state s with probability
/// `e(d, s) = exp(−λ m(s) w(d) q(s))`. With `v(d, s)` the probability of none from day d to the
/// horizon's end, `v(d, s) = Σ P(d; s, s′) e(d, s′) v(d + 1, s′)` and v = 1 at the end: exact.
struct BuyForecast {
    private let calendar: Calendar
    /// Representative cutoffs and, for each cutoff, the index of the one that it equals.
    private let representatives: [Int]
    private let places: [Int]

    init(_ calendar: Calendar) {
        self.calendar = calendar
        var representatives: [Int] = []
        var distances: [Int] = []
        places = calendar.cutoffDays.map { day in
            // All cutoffs fall on one weekday, so only the days left until the shift matter.
            let distance = min(max(calendar.shiftDay - day, 0), Calendar.horizonDays)
            if let place = distances.firstIndex(of: distance) { return place }
            distances.append(distance)
            representatives.append(day)
            return distances.count - 1
        }
        self.representatives = representatives
    }

    /// Probabilities by state for each kind of cutoff; `place(of:)` says which is whose.
    func tables(of user: SimulatedUser) -> [SIMD4<Double>] {
        let before = quietDays(user)
        return representatives.map { cutoff in
            var none = SIMD4<Double>(repeating: 1)
            for day in stride(from: cutoff + Calendar.horizonDays - 1, through: cutoff, by: -1) {
                let rates = user.rates(isShifted: day >= calendar.shiftDay)
                none = rates.expected(before[day % 7] * none)
            }
            return 1 - none
        }
    }

    /// Which of `tables(of:)` holds for the cutoff with this index.
    func place(of cutoffIndex: Int) -> Int { places[cutoffIndex] }

    /// e(d, s) by day modulo 7.
    private func quietDays(_ user: SimulatedUser) -> [SIMD4<Double>] {
        (0..<7).map { weekday in
            let factor = calendar.weekdayFactor(weekday)
            var quiet = SIMD4<Double>(repeating: 1)
            for state in 1..<4 {
                quiet[state] = Elementary.exp(
                    -user.sessionRate * ShopParameters.sessionFactors[state] * factor
                        * user.buyChance(state))
            }
            return quiet
        }
    }
}

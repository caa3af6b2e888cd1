import Kernels

/// Probabilities of no purchase in a window, from what is known at an earlier midnight.
///
/// A day of a user in state s has no buying session with probability `e(d, s) = exp(−r_s w(d))`,
/// r_s = λ m(s) q(s), and the state takes a step each midnight (docs/simulation.md). When only a
/// share x of the buying sessions counts, independently, `e(d, s; x) = exp(−x r_s w(d))`, and
/// `v(d, s) = Σ P_d(s, s′) e(d, s′; x) v(d + 1, s′)`, v = 1 at the window's end: exact.
struct OracleForecast: Sendable {
    let model: OracleManifest.Model
    private let shiftDay: Int
    /// Days of the knowledge, of the window's first midnight, and of the one that ends it.
    let knownDay: Int
    let window: Range<Int>

    init(_ manifest: OracleManifest, knownDay: Int, window: Range<Int>) {
        model = manifest.model
        shiftDay = manifest.shiftDay ?? .max
        self.knownDay = knownDay
        self.window = window
    }

    /// A user as the chain sees one.
    struct User: Sendable {
        /// Probabilities of the states on the night before the window's first day's step.
        var states: SIMD4<Double>
        /// r_s, buying sessions on a mean day.
        var rates: SIMD4<Double>
        /// Chances of a night: steady to cooling, before and after the shift; lapsed to steady.
        var cooling: Double
        var coolingAfter: Double
        var comeBack: Double
    }

    /// A user's chain, brought to the window's beginning.
    ///
    /// - Parameters:
    ///   - state: at the midnight of `knownDay`, 0…3.
    ///   - sessionRate: λ, a day.
    ///   - buyBase: q.
    ///   - cooling: the hazard before the shift, a night.
    ///   - comeBack: a night.
    /// - Returns: what `quiet` takes.
    func user(
        state: Int, sessionRate: Double, buyBase: Double, cooling: Double, comeBack: Double
    ) -> User {
        var user = User(
            states: SIMD4(repeating: 0), rates: SIMD4(repeating: 0), cooling: cooling,
            coolingAfter: min(model.hazardLimit, cooling * model.shiftedHazardFactor),
            comeBack: comeBack)
        for index in 0..<4 {
            user.rates[index] =
                sessionRate * model.sessionFactors[index]
                * min(model.buyChanceLimit, buyBase * model.buyFactors[index])
        }
        user.states[state] = 1
        for day in knownDay..<window.lowerBound { user.states = step(user, day: day) }
        return user
    }

    /// Probabilities of the states after the night that begins `day`.
    private func step(_ user: User, day: Int) -> SIMD4<Double> {
        let cooling = day >= shiftDay ? user.coolingAfter : user.cooling
        let p = user.states
        return SIMD4(
            (1 - user.comeBack) * p[0] + model.lapseChance * p[1],
            (1 - model.recoverChance - model.lapseChance) * p[1] + cooling * p[2],
            user.comeBack * p[0] + model.recoverChance * p[1]
                + (1 - model.warmChance - cooling) * p[2] + model.settleChance * p[3],
            model.warmChance * p[2] + (1 - model.settleChance) * p[3])
    }

    /// P(no session of the share x, 0…1 of the buying ones, buys in the window).
    func quiet(_ user: User, share: Double) -> Double {
        // e(d, s; x) by the day modulo 7; this is called for every user and label.
        var quietDays = InlineArray<7, SIMD4<Double>>(repeating: SIMD4(repeating: 1))
        for (weekday, factor) in model.weekdayFactors.enumerated() {
            for state in 1..<4 {
                quietDays[weekday][state] = Elementary.exp(-share * factor * user.rates[state])
            }
        }
        let (warm, settle) = (model.warmChance, model.settleChance)
        let (recover, lapse) = (model.recoverChance, model.lapseChance)
        var none = SIMD4<Double>(repeating: 1)
        for day in window.reversed() {
            let cooling = day >= shiftDay ? user.coolingAfter : user.cooling
            let f = quietDays[day % 7] * none
            none = SIMD4(
                user.comeBack * f[2] + (1 - user.comeBack) * f[0],
                recover * f[2] + lapse * f[0] + (1 - recover - lapse) * f[1],
                warm * f[3] + cooling * f[1] + (1 - warm - cooling) * f[2],
                settle * f[2] + (1 - settle) * f[3])
        }
        return (none * user.states).sum()
    }

    /// P(a buying session buys something of a label), when each of its items is of that label with
    /// probability `chance`: 1 − E[(1 − chance)ᴺ], N = 1 + a geometric number that is cut.
    func any(of chance: Double) -> Double {
        let ratio = model.extraBuyMean / (1 + model.extraBuyMean)
        let miss = 1 - chance
        var (sum, power) = (0.0, 1.0)
        for _ in 0..<model.extraBuyLimit {
            sum += power * (1 - ratio)
            power *= ratio * miss
        }
        return 1 - miss * (sum + power)
    }
}

/// The parameters that whoever predicts from the truth needs; docs/simulation.md has the equations.
struct TruthModel: Encodable {
    /// Expected sessions of a day relative to the mean day, by day modulo 7.
    let weekdayFactors: [Double]
    /// m and the factor of q, by state.
    let sessionFactors = (0..<4).map { ShopParameters.sessionFactors[$0] }
    let buyFactors = (0..<4).map { ShopParameters.buyFactors[$0] }
    let buyChanceLimit = ShopParameters.buyChanceLimit
    /// Chances of a night: steady to hot, hot to steady, cooling to steady, cooling to lapsed.
    let warmChance = ShopParameters.warmChance
    let settleChance = ShopParameters.settleChance
    let recoverChance = ShopParameters.recoverChance
    let lapseChance = ShopParameters.lapseChance
    let hazardLimit = ShopParameters.hazardLimit
    let shiftedHazardFactor = ShopParameters.shiftedHazardFactor
    /// Chance of a week, and of the shift, that a favourite is replaced: one of three; each.
    let weeklyDrift = ShopParameters.weeklyDrift
    let favouriteLoss = ShopParameters.favouriteLoss
    /// The choice of an item.
    let candidateCount = ShopParameters.candidateCount
    let priceWidth = ShopParameters.priceWidth
    /// Items of a buying session after the first: geometric, cut.
    let extraBuyMean = ShopParameters.extraBuyMean
    let extraBuyLimit = ShopParameters.extraBuyLimit

    init(_ calendar: Calendar) {
        weekdayFactors = (0..<7).map(calendar.weekdayFactor)
    }

    enum CodingKeys: String, CodingKey {
        case weekdayFactors = "weekday_factors"
        case sessionFactors = "session_factors"
        case buyFactors = "buy_factors"
        case buyChanceLimit = "buy_chance_limit"
        case warmChance = "warm_chance"
        case settleChance = "settle_chance"
        case recoverChance = "recover_chance"
        case lapseChance = "lapse_chance"
        case hazardLimit = "hazard_limit"
        case shiftedHazardFactor = "shifted_hazard_factor"
        case weeklyDrift = "weekly_drift"
        case favouriteLoss = "favourite_loss"
        case candidateCount = "candidate_count"
        case priceWidth = "price_width"
        case extraBuyMean = "extra_buy_mean"
        case extraBuyLimit = "extra_buy_limit"
    }
}

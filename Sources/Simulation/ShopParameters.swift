/// Every number of the model; docs/simulation.md has the equations they stand in.
///
/// They were set by comparison with the published figures alone (`Calibration`), before any model
/// was scored on a simulated log.
enum ShopParameters {
    // MARK: Sizes, per user of the published data (18,889,063 users)
    static let publishedUserCount = 18_889_063.0
    static let itemsPerUser = 1_197_634 / publishedUserCount
    static let categoriesPerUser = 6_919 / publishedUserCount
    /// Urls and queries that exist; somewhat more than are seen.
    static let urlsPerUser = 2.0
    static let queriesPerUser = 0.26
    static let departmentCount = 16
    static let leastCategoryCount = 32
    static let leastItemCount = 640
    static let leastUrlCount = 4_000
    static let leastQueryCount = 256

    // MARK: Items
    static let categorySpread = 0.6
    static let itemSpread = 0.35
    static let nameScale = 26.0
    static let nameNoise = 5.0
    static let lateItemShare = 0.1
    static let priceChangeShare = 0.25
    static let shiftPriceShare = 0.5

    // MARK: Urls
    static let genericUrlShare = 0.01
    static let listingUrlShare = 0.05
    static let mainUrlShare = 0.6

    // MARK: Users
    static let visitLogMean = 0.36
    static let visitLogSlope = 1.1
    static let visitLogNoise = 0.2
    static let longestVisitMean = 200.0
    static let sessionLogRate = -3.95
    static let sessionLogSlope = 0.62
    static let highestSessionRate = 2.0
    static let retentionOffset = -2.8
    static let retentionSlope = 0.8
    static let hotArrivalShare = 0.2
    static let buyChance = 0.058
    static let buyLogSlope = 0.4
    static let buyLogNoise = 1.5
    static let highestBuyChance = 0.6
    /// Of a session in any state.
    static let buyChanceLimit = 0.95
    static let cartChance = 0.095
    static let searchChance = 0.075
    static let coolingHazard = 0.02
    static let hazardLogSlope = -0.4
    static let hazardLogNoise = 0.4
    /// Of a night, a shift included.
    static let hazardLimit = 0.6
    static let returnChance = 0.001
    static let returnLogSlope = 0.6
    static let highestReturnChance = 0.02
    static let presentShare = 0.3
    static let presentMeanDays = 10.0

    // MARK: Taste
    static let centreLength = 2.0
    static let tasteSharpness = 0.7
    static let favouriteWeights = [0.5, 0.3, 0.2]
    static let favouriteShare = 0.7
    static let weeklyDrift = 0.05
    static let priceMean = 50.0
    static let priceSpread = 20.0
    static let priceWidth = 16.0
    /// Items that a choice is made from.
    static let candidateCount = 3
    static let coolingPriceDrop = 15.0

    // MARK: Engagement: lapsed, cooling, steady, hot
    static let sessionFactors = SIMD4(0, 0.4, 1, 2.2)
    static let buyFactors = SIMD4(0, 0.4, 1, 1.9)
    static let visitFactors = SIMD4(1, 0.65, 1, 1.2)
    static let cartFactors = SIMD4(0, 0.7, 1, 1.8)
    static let searchFactors = SIMD4(0, 0.35, 1, 1.9)
    /// Shares of pages that are items' and listings; the rest are generic.
    static let itemPageShares = SIMD4(0, 0.42, 0.55, 0.7)
    static let listingPageShares = SIMD4(0, 0.38, 0.25, 0.2)
    static let removalFactors = SIMD4(0, 1.5, 1, 0.8)
    /// What a first session's chance of a purchase is multiplied with: many only look.
    static let arrivalBuyFactor = 0.6
    static let warmChance = 0.02
    static let settleChance = 0.1
    static let recoverChance = 0.03
    static let lapseChance = 0.08

    // MARK: Sessions
    static let sessionsPerDayLimit = 32
    static let visitLimit = 600
    static let meanGapTicks = 3.5
    static let gapTickLimit = 120
    static let focusShare = 0.8
    static let revisitShare = 0.2
    static let cartLimit = 8
    static let extraBuyMean = 0.35
    static let extraBuyLimit = 5
    static let extraAddMean = 0.55
    static let addMean = 0.9
    static let removalShare = 0.33
    static let laterRemovalShare = 0.2
    static let cartBuyShare = 0.4
    static let directBuyShare = 0.04

    // MARK: Shift
    static let shiftedHazardFactor = 1.7
    static let tasteKept = 0.4
    static let favouriteLoss = 0.7

    // MARK: Season: Monday to Sunday; hours of the day, UTC
    static let weekdayFactors = [1.06, 1.03, 1.0, 0.99, 0.95, 0.93, 1.04]
    static let hourWeights = [
        8.0, 4, 2, 1, 1, 2, 8, 20, 34, 44, 50, 50, 48, 48, 48, 48, 50, 52, 56, 64, 70, 64, 42, 20,
    ]
}

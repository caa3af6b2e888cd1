import Events
import Kernels
import Storage

/// Lives through the log's days, one user after another; each life is independent of all others.
struct UserLife {
    let shop: Shop
    let calendar: Calendar
    private let forecast: BuyForecast
    private let shopSeed: UInt64
    private let lateShare: Double
    private let hours: HourTable

    /// Where events go, and what is counted of them.
    var drafts: DraftLog
    var counts: PopulationCounts
    /// What is told of the users since it was taken last.
    var truth = TruthRows()

    // The life that is being lived.
    var user: SimulatedUser
    var favourites = SIMD3(0, 0, 0)
    var cart: [Int] = []
    var recent: [Int] = []
    var day = 0
    var tick = 0
    var firstBuyDay = Int.max
    var tally = UserTally()
    private var state: Engagement?
    private var nextCutoff = 0
    private var tables: [SIMD4<Double>] = []
    private var hasShifted = false
    private var lateness = SeededRandom(seed: 0, stream: 0)

    init(_ options: SimulationOptions, shop: Shop) {
        self.shop = shop
        calendar = shop.calendar
        forecast = BuyForecast(shop.calendar)
        shopSeed = options.seed
        lateShare = options.lateShare
        hours = HourTable()
        drafts = DraftLog(dayCount: options.dayCount)
        counts = PopulationCounts(options, shop: shop)
        user = SimulatedUser(0, seed: options.seed, shop: shop)
        cart.reserveCapacity(ShopParameters.cartLimit)
    }

    /// Lives the index-th user's life: adds its events, its truth and its counts.
    mutating func live(_ index: Int) {
        begin(index)
        var random = user.random(day: day)
        for slot in 0..<3 { replaceFavourite(slot, &random) }
        noteCutoffs(through: day)
        tick = hours.tick(&random)
        // Who will not stay already behaves as those do who are on the way out.
        let stays = random.happens(user.retention)
        let isHot = stays && random.happens(ShopParameters.hotArrivalShare)
        session(stays ? (isHot ? .hot : .steady) : .cooling, isFirst: true, &random)
        var next = day + 1
        if stays { state = isHot ? .hot : .steady } else { next += lapse(&random) }
        while next < calendar.dayCount {
            day = next
            noteCutoffs(through: day)
            shiftIfDue()
            next += liveDay()
        }
        noteCutoffs(through: calendar.dayCount)
        day = calendar.dayCount - 1
        shiftIfDue()
        counts.add(tally)
        truth.add(user, shop)
    }

    private mutating func begin(_ index: Int) {
        user = SimulatedUser(index, seed: shopSeed, shop: shop)
        day = user.arrivalDay
        hasShifted = day >= calendar.shiftDay
        state = nil
        nextCutoff = 0
        tables = []
        firstBuyDay = Int.max
        tally = UserTally()
        cart.removeAll(keepingCapacity: true)
        recent.removeAll(keepingCapacity: true)
        if lateShare > 0 { lateness = SeededRandom(shopSeed, .lateness, index) }
    }

    /// One night and the day after it; how many days the next one is away.
    private mutating func liveDay() -> Int {
        var random = user.random(day: day)
        let rates = user.rates(isShifted: isShifted)
        // A lapsed user's nights were skipped up to the one on which it returns.
        let now =
            state == .lapsed
            ? .steady : rates.next(after: state ?? .steady, random.nextUnit())
        state = now
        if now == .lapsed { return 1 + lapse(&random) }
        if (day - user.arrivalDay) % 7 == 0, random.happens(ShopParameters.weeklyDrift) {
            replaceFavourite(random.below(3), &random)
        }
        let mean =
            user.sessionRate * ShopParameters.sessionFactors[now.rawValue]
            * calendar.weekdayFactor(day)
        let count = random.poisson(mean: mean, limit: ShopParameters.sessionsPerDayLimit)
        guard count > 0 else { return 1 }
        tick = -1
        for start in (0..<count).map({ _ in hours.tick(&random) }).sorted() {
            tick = max(start, tick + 1)
            session(now, isFirst: false, &random)
        }
        return 1
    }

    /// Begins a pause; further nights that pass without a return, a geometric number.
    private mutating func lapse(_ random: inout SeededRandom) -> Int {
        state = .lapsed
        let chance = user.rates(isShifted: isShifted).comeBack
        let nights = Elementary.ln(1 - random.nextUnit()) / Elementary.log1p(-chance)
        return nights < Double(calendar.dayCount) ? Int(nights) : calendar.dayCount
    }

    var isShifted: Bool { day >= calendar.shiftDay }

    /// The user's taste today.
    var taste: Taste { user.taste(isShifted: isShifted) }

    private mutating func replaceFavourite(_ slot: Int, _ random: inout SeededRandom) {
        favourites[slot] = taste.category(shop, isShifted: isShifted, &random)
        truth.addFavourite(
            user: shop.userIDs.id(user.index), day: day, slot: slot,
            category: shop.categoryIDs.id(favourites[slot]))
    }

    /// What a shift does to favourites, once, whenever this life comes past it.
    private mutating func shiftIfDue() {
        guard isShifted, !hasShifted else { return }
        hasShifted = true
        var random = SeededRandom(seed: user.seed, stream: .max)
        let today = day
        day = calendar.shiftDay
        for slot in 0..<3 where random.happens(ShopParameters.favouriteLoss) {
            replaceFavourite(slot, &random)
        }
        day = today
    }

    /// Tells the truth of the midnights up to and with the one that begins `day`.
    private mutating func noteCutoffs(through day: Int) {
        guard nextCutoff < calendar.cutoffDays.count, calendar.cutoffDays[nextCutoff] <= day
        else { return }
        // Once a life: a user's probabilities depend on the state and on the shift alone.
        if state != nil, tables.isEmpty { tables = forecast.tables(of: user) }
        while nextCutoff < calendar.cutoffDays.count, calendar.cutoffDays[nextCutoff] <= day {
            var chance: Double?
            if let state { chance = tables[forecast.place(of: nextCutoff)][state.rawValue] }
            truth.addCutoff(
                state: state, buyChance: chance,
                hasBought: firstBuyDay < calendar.cutoffDays[nextCutoff])
            nextCutoff += 1
        }
    }

    /// Adds an event now; past midnight a day's last events share its last tick.
    mutating func emit(_ kind: EventKind, _ key: Int) {
        let place = min(tick, Calendar.dayTickCount - 1)
        var delay = 0
        if lateShare > 0, lateness.happens(lateShare) {
            delay = 1 + Int(-120 * Elementary.ln(1 - lateness.nextUnit()))
            delay = min(delay, Calendar.dayTickCount - 1)
        }
        drafts.append(
            day: day, tick: place, delay: delay, user: user.index, kind: kind, key: key)
        tally.add(kind, tick: day * Calendar.dayTickCount + place)
        counts.see(kind, key)
        if kind == .productBuy { firstBuyDay = min(firstBuyDay, day) }
    }
}

/// Draws times of day by the hours' weights.
struct HourTable: Sendable {
    private let cumulative: [Double]

    init() {
        let weights = ShopParameters.hourWeights
        let total = weights.reduce(0, +)
        var sum = 0.0
        cumulative = weights.map { weight in
            sum += weight / total
            return sum
        }
    }

    /// A tick since midnight, even within its hour.
    func tick(_ random: inout SeededRandom) -> Int {
        let draw = random.nextUnit()
        let hour = cumulative.firstIndex { draw < $0 } ?? cumulative.count - 1
        return hour * 720 + random.below(720)
    }
}

import Evaluation
import Events
import Kernels
import Storage
import TestSupport

/// A made-up shop whose users keep to one category, and half of whom buy.
///
/// User u (id 10 u + 7) belongs to category u mod 5. Buyers, as a seed says, buy once or several
/// times in each window among the category's items, all in the price bucket of the category;
/// three quarters of them, and a quarter of the others, had bought before the cutoff. A shop that
/// is not `lasting` draws who buys, and in which category, anew for the second window.
struct PlantedShop {
    static let split = EvaluationSplit(cutoffSeconds: 1_000_000, targetDays: 14)
    let userCount: Int
    let isBuyer: [Bool]
    let events: ShopEvents
    let targets: EvaluationTargets

    init(userCount: Int, seed: UInt64, lasting: Bool = true) {
        self.userCount = userCount
        var random = SeededRandom(seed: seed, stream: 0)
        let isBuyer = (0..<userCount).map { _ in random.nextUnit() < 0.5 }
        var entries: [ShopEvents.Entry] = []
        func buy(_ user: Int, _ seconds: Int64, _ key: Int64) {
            entries.append(
                ShopEvents.Entry(
                    user: UInt32(user), kind: .productBuy, seconds: seconds, key: key))
        }
        for user in 0..<userCount {
            if random.nextUnit() < (isBuyer[user] ? 0.75 : 0.25) {
                buy(user, 999_000, Int64(user % 5 * 10))
            }
            for window in 0..<Int64(2) {
                let isRedrawn = window == 1 && !lasting
                let buys = isRedrawn ? random.nextUnit() < 0.5 : isBuyer[user]
                guard buys else { continue }
                let category = isRedrawn ? Int(random.next() % 5) : user % 5
                for _ in 0..<1 + Int(random.next() % 3) {
                    let item = Int64(category * 10) + Int64(random.next() % 4)
                    let start = 1_000_000 + window * 14 * 86_400
                    buy(user, start + Int64(random.next() % 86_400), item)
                }
            }
        }
        var items: [ItemID: ShopEvents.Item] = [:]
        for category in 0..<Int64(5) {
            for item in 0..<Int64(4) {
                items[ItemID(rawValue: category * 10 + item)] = ShopEvents.Item(
                    category: category + 100, price: UInt8(category * 7))
            }
        }
        self.isBuyer = isBuyer
        events = ShopEvents(
            users: (0..<userCount).map { UserID(rawValue: Int64(10 * $0 + 7)) }, entries: entries,
            items: items)
        targets = EvaluationTargets(events: events, split: Self.split)
    }

    /// `[users, 9]`: one-hot category and whether they buy, blurred, then three of noise alone.
    func embeddings(noise: Double, seed: UInt64) -> [[Float]] {
        var random = SeededRandom(seed: seed, stream: 1)
        return (0..<userCount).map { user in
            (0..<9).map { column in
                let isTrue = column < 5 ? user % 5 == column : column == 5 && isBuyer[user]
                let signal = isTrue ? 1.0 : 0
                return Float(signal + noise * (2 * random.nextUnit() - 1))
            }
        }
    }
}

/// Writes challenge pairs.
enum Pair {
    static func write(
        _ users: [UserID], _ rows: [[Float]], to directory: String, on disk: any Disk
    ) throws {
        try disk.makeDirectory(directory)
        var ids = NpyHeader.int64(count: users.count).encoded()
        for user in users { ids.append(littleEndian: UInt64(bitPattern: user.rawValue)) }
        try write(ids, to: "\(directory)/client_ids.npy", on: disk)
        var bytes = NpyHeader.float16(rows: rows.count, columns: rows.first?.count ?? 0).encoded()
        bytes.append(littleEndian: rows.joined().map(halfBits).span)
        try write(bytes, to: "\(directory)/embeddings.npy", on: disk)
    }

    static func write(_ bytes: [UInt8], to path: String, on disk: any Disk) throws {
        let file = try disk.open(path, .createOrUpdate)
        try file.truncate(to: 0)
        try file.write(bytes, at: 0)
    }

    /// The planted shop's own, with rows in this order of users.
    static func table(
        of shop: PlantedShop, noise: Double = 0.3, seed: UInt64 = 3, order: [Int]? = nil,
        on disk: MemoryDisk = MemoryDisk()
    ) throws -> EmbeddingTable {
        let rows = shop.embeddings(noise: noise, seed: seed)
        let order = order ?? Array(0..<shop.userCount)
        try write(
            order.map { shop.targets.users[$0] }, order.map { rows[$0] }, to: "/pair", on: disk)
        return try EmbeddingTable(directory: "/pair", on: disk)
    }
}

import EventLog
import Events
import Storage
import Synchronization

/// Appends events to a simulated shop's log, as its users go on.
final class ShopGrowth: Sendable {
    private struct State {
        var writer: SegmentWriter?
        var random = SeededRandom(seed: Bench.seed, stream: 1 << 55)
        var count: Int64 = 0
    }

    private let shop: RefreshedShop
    private let host: Host
    private let state = Mutex(State())

    init(_ shop: RefreshedShop, host: Host) {
        self.shop = shop
        self.host = host
    }

    /// Records of the log, those appended so far included.
    var recordCount: Int64 { shop.recordCount + state.withLock { $0.count } }

    /// Appends events of any users, one in ten a cart's and the others visits, and makes them
    /// readable; how many records the log then has.
    func write(_ count: Int) throws -> Int64 {
        try state.withLock { state in
            let writer =
                try state.writer ?? SegmentWriter(host: host, directory: shop.log)
            state.writer = writer
            for _ in 0..<count {
                var line: [UInt8] = []
                let key = Int64(state.random.next() % 1000)
                RecordWriter.append(
                    Event(
                        user: user(&state.random), seconds: shop.endSeconds + state.count / 100,
                        kind: state.count % 10 == 0 ? .addToCart : .pageVisit, key: key),
                    to: &line)
                line.removeLast()
                try writer.append(line)
                state.count += 1
            }
            try writer.flush()
            return shop.recordCount + state.count
        }
    }

    /// Any user of the shop.
    func user(_ random: inout SeededRandom) -> UserID {
        shop.users[Int(random.next() % UInt64(shop.users.count))]
    }

    /// Ends the log.
    func close() throws { try state.withLock { try $0.writer?.close() } }
}

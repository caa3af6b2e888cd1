import ArgumentParser
import Kernels
import Learning
import Storage

/// BPR's updates against `implicit` on the same processor and pairs, asked in turns.
extension Bench {
    /// Stretches of an epoch.
    private static let stretchCount = 8

    /// What both sides do: one epoch over the same pairs.
    private struct Work: Codable {
        var users: Int
        var items: Int
        /// Items drawn for each user; equal ones are one pair.
        var draws: Int
        var pairs: Int
        var factors: Int
        var threads: Int
    }

    /// Updates a second of whole epochs, drawing and dealing included.
    mutating func bpr() async throws {
        say("BPR")
        let peer = try Peer("bpr.py")
        if peer == nil { say("no \(Peer.pythonVariable) with implicit: no ratios to it") }
        let users = size(100_000, small: 500)
        let items = size(50_000, small: 300)
        let draws = 20
        let interactions = Self.interactions(users: users, items: items, draws: draws)
        let group = "BPR, \(users) users, \(items) items, \(interactions.pairs.count) pairs"
        for options in [BPROptions.category, .item] {
            var factors: [[Float]] = []
            for threads in [1, 2] {
                let work = Work(
                    users: users, items: items, draws: draws, pairs: interactions.pairs.count,
                    factors: options.factorCount, threads: threads)
                factors.append(try await measure(work, options, interactions, group, peer))
            }
            report.check(
                "BPR: numbers that differ between one thread and two", wanted: 0,
                got: Int64(zip(factors[0], factors[1]).count { $0 != $1 }))
        }
        report.note(group, "peer: \(peer.map { "implicit \($0.version)" } ?? "none")")
    }

    /// Epochs of both sides; returns the trained item factors.
    private mutating func measure(
        _ work: Work, _ preset: BPROptions, _ interactions: BPRInteractions, _ group: String,
        _ peer: Peer?
    ) async throws -> [Float] {
        var options = preset
        // Several stretches an epoch, as a large shop's refresh has.
        options.stretchStepCount = (work.pairs + Self.stretchCount - 1) / Self.stretchCount
        var state = BPRState(interactions: interactions, options: options)
        var seconds: [Double] = []
        var theirs: [Double] = []
        // The first round brings both sides' memory in.
        for round in 0...(isSmall ? 1 : 5) {
            options.epochCount = round + 1
            let trainer = BPRTrainer(interactions: interactions, options: options)
            let start = host.clock.monotonicNanoseconds()
            try await trainer.run(&state, threadCount: work.threads)
            let elapsed = Double(host.clock.monotonicNanoseconds() - start) / 1e9
            let peers = try peer?.seconds(work)
            guard round > 0 else { continue }
            seconds.append(elapsed)
            if let peers { theirs.append(peers) }
        }
        let label = "K \(work.factors), \(work.threads) thread(s)"
        report.add(group, label + ": steps", "/s", seconds.map { Double(work.pairs) / $0 })
        if !theirs.isEmpty {
            report.add(
                group, label + ": implicit over ours", "x", zip(theirs, seconds).map { $0 / $1 },
                target: .atLeast(1.5))
        }
        report.check(
            "BPR: stretches",
            wanted: Int64(
                (options.epochCount * work.pairs + options.stretchStepCount - 1)
                    / options.stretchStepCount),
            got: Int64(state.stretchCount))
        return state.items.values
    }

    /// Pairs by formula, which the peer repeats: item ⌊I r³⌋ of a number r in [0, 1).
    private static func interactions(users: Int, items: Int, draws: Int) -> BPRInteractions {
        var pairs: [(user: Int32, item: Int32, weight: Float)] = []
        for user in 0..<users {
            var own: Set<Int32> = []
            for draw in 0..<draws {
                let bits = SeededRandom.mix(UInt64(user * draws + draw))
                let r = Double(bits >> 11) * 0x1p-53
                own.insert(Int32(Double(items) * (r * r * r)))
            }
            pairs += own.sorted().map { (user: Int32(user), item: $0, weight: 1) }
        }
        return BPRInteractions(events: pairs, userCount: users, itemCount: items)
    }
}

struct BPRCommand: GroupCommand {
    static let configuration = CommandConfiguration(
        commandName: "bpr", abstract: "Updates of BPR factors, beside implicit's.")
    @OptionGroup var common: CommonOptions

    static func measure(_ bench: inout Bench) async throws { try await bench.bpr() }
}

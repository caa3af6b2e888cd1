import ArgumentParser
import Features
import Learning
import Storage

/// Whole epochs of SRA, MTL and ESA over a simulated shop's sequences, against PyTorch.
extension Bench {
    private static let group = "training, one epoch of a simulated shop's users"

    mutating func epochs() async throws {
        let shop = try shopExamples(
            users: size(modelUserCount, small: 1500), days: size(141, small: 42))
        // By a mix of their ids in the file: the first are any.
        let count = min(shop.early.count, size(6400, small: 256))
        let examples = try shop.early.examples(Array(0..<count))
        let peer = try Peer("epochs.py")
        if peer == nil { say("no \(Peer.pythonVariable) with torch: no ratios to PyTorch") }
        let whole = MemoryExamples(all: examples)
        let latest = MemoryExamples(all: examples.map(ShopExamples.latest))
        var mtl = MTLConfiguration.mtl
        mtl.categoryCount = shop.categoryCount
        mtl.itemCount = shop.itemCount
        let esa = ESAConfiguration(shop.vocabulary)
        try await measure(SRANetwork<Float>(.sra), "sra", .sra, whole, peer)
        try await measure(MTLNetwork<Float>(mtl), "mtl", .mtl, latest, peer)
        try await measure(ESANetwork<Float>(esa), "esa", .esa, whole, peer)
        let lengths = (0..<count).map(whole.rowCount(_:)).sorted()
        report.note(
            Self.group,
            "\(count) users of \(shop.userCount), \(whole.rowCount) rows: median "
                + "\(lengths[count / 2]), longest \(lengths[count - 1]); batches of 128; peer: "
                + "\(peer.map { "PyTorch \($0.version)" } ?? "none"), from our initial weights; "
                + "padded: our batches, to their longest; bucketed: sorted within 50 of them, and padded"
        )
    }

    private mutating func measure<Network: TrainableNetwork<Float>>(
        _ network: Network, _ name: String, _ recipe: TrainingRecipe, _ source: MemoryExamples,
        _ peer: Peer?
    ) async throws {
        let training = EpochTraining(network: network, recipe: recipe, source: source, host: host)
        let files = (examples: "\(work)/\(name)-examples", weights: "\(work)/\(name)-weights")
        if peer != nil {
            try source.write(to: files.examples, on: host.disk)
            try training.writeWeights(to: files.weights)
        }
        for precision in ["float32", "bfloat16"] {
            for threads in [1, 2] {
                say("epochs: \(name), \(precision), \(threads) thread(s)")
                let work = EpochWork(
                    network: name, form: "", precision: precision, threads: threads,
                    examples: files.examples, weights: files.weights, batches: [])
                try await measure(work, training, peer)
            }
        }
        for file in [files.examples, files.weights] { try host.disk.remove(file) }
    }

    private mutating func measure<Network: TrainableNetwork<Float>>(
        _ work: EpochWork, _ training: EpochTraining<Network>, _ peer: Peer?
    ) async throws {
        let label = "\(work.network), \(work.precision), \(work.threads) thread(s)"
        var seconds: [Double] = []
        var theirs: [String: [Double]] = [:]
        var bucketed: [Double] = []
        var losses: [Double] = []
        // The first round makes code and memory on both sides; padding takes too long for three.
        for round in 0...(isSmall ? 1 : 3) {
            let own = try await training.run(threads: work.threads, precision: work.precision)
            let sorted = try await training.run(
                threads: work.threads, precision: work.precision, form: "bucketed")
            if round > 0 {
                seconds.append(own.seconds)
                bucketed.append(sorted.seconds)
            }
            losses = own.losses
            report.check(
                "epochs: \(label): steps", wanted: Int64(training.batches("padded").count),
                got: Int64(own.stepCount))
            for form in ["padded", "bucketed"] where form == "bucketed" || round == 1 {
                var asked = work
                asked.form = form
                asked.batches = training.batches(form)
                guard let answer = try peer?.answer(asked), round > 0 else { continue }
                theirs[form, default: []].append(answer.seconds)
                if form == "padded" { compare(losses, answer.losses ?? [], work) }
            }
        }
        let rows = Double(training.source.rowCount)
        report.add(Self.group, label + ": rows", "/s", seconds.map { rows / $0 })
        report.add(
            Self.group, label + ": rows, bucketed", "/s", bucketed.map { rows / $0 },
            base: rows / percentile(seconds, 0.5))
        for form in ["bucketed", "padded"] {
            guard let theirs = theirs[form] else { continue }
            report.add(
                Self.group, label + ": PyTorch \(form) over ours", "x",
                zip(theirs, seconds).map { $0 / $1 },
                target: form == "padded" ? .atLeast(4) : nil)
        }
    }

    /// The epoch's mean losses must be those of the peer, up to rounding and dropout's draws.
    private mutating func compare(_ ours: [Double], _ theirs: [Double], _ work: EpochWork) {
        let label = "\(work.network), \(work.precision), \(work.threads) thread(s)"
        let tolerance = work.network == "mtl" ? 0.1 : 0.02
        say(
            "  losses, ours and the peer's: "
                + zip(ours, theirs).map { "\(rounded($0)) \(rounded($1))" }
                .joined(separator: ", "))
        let differing = zip(ours, theirs).count { abs($0 - $1) > tolerance * abs($1) }
        report.check(
            "epochs: \(label): losses unlike PyTorch's", wanted: 0,
            got: Int64(differing + abs(ours.count - theirs.count)))
    }
}

struct EpochsCommand: GroupCommand {
    static let configuration = CommandConfiguration(
        commandName: "epochs", abstract: "Whole training epochs, against PyTorch if there is one.")
    @OptionGroup var common: CommonOptions

    static func measure(_ bench: inout Bench) async throws { try await bench.epochs() }
}

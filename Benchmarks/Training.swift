import Learning
import Storage

/// Training's work against PyTorch on the same processor, asked in turns.
extension Bench {
    /// Forward and backward of a GRU layer over equal and over ragged lengths.
    mutating func training() async throws {
        say("training")
        let peer = try Peer("gru_training.py")
        if peer == nil {
            say("no \(Peer.pythonVariable) with torch: no ratios to PyTorch")
        }
        let count = size(256, small: 16)
        let shapes = [
            (name: "64 rows each", lengths: GRUTraining.equalLengths(count), forms: ["equal"]),
            (
                name: "ragged", lengths: GRUTraining.raggedLengths(count),
                forms: ["padded", "packed"]
            ),
        ]
        let widths = isSmall ? [128] : [128, 256, 512]
        for (name, lengths, forms) in shapes {
            for threads in [1, 2] {
                for precision in ["float32", "bfloat16"] {
                    for hidden in widths {
                        let work = GRUTraining.Work(
                            form: "own", precision: precision, hidden: hidden, threads: threads,
                            lengths: lengths)
                        try await measure(work, forms: forms, name, peer)
                    }
                }
            }
            noteTraining(lengths, name, peer)
        }
    }

    private mutating func measure(
        _ work: GRUTraining.Work, forms: [String], _ name: String, _ peer: Peer?
    ) async throws {
        let own = GRUTraining(work)
        var seconds: [Double] = []
        var theirs = Array(repeating: [Double](), count: forms.count)
        // The first round makes code and memory on both sides.
        for round in 0...(isSmall ? 1 : 7) {
            let start = host.clock.monotonicNanoseconds()
            let size = await own.run()
            let elapsed = Double(host.clock.monotonicNanoseconds() - start) / 1e9
            precondition(size.isFinite && size > 0, "the gradient left the numbers")
            if round > 0 { seconds.append(elapsed) }
            for (index, form) in forms.enumerated() {
                var asked = work
                asked.form = form
                guard let elapsed = try peer?.seconds(asked), round > 0 else { continue }
                theirs[index].append(elapsed)
            }
        }
        let group = "GRU training, \(name)"
        let label = "H \(work.hidden), \(work.precision), \(work.threads) thread(s)"
        report.add(
            group, label + ": events", "/s", seconds.map { Double(work.events) / $0 })
        report.add(
            group, label + ": operations", "GF/s", seconds.map { work.operations / $0 / 1e9 })
        for (form, theirs) in zip(forms, theirs) where !theirs.isEmpty {
            // Ratios of neighbours in time: what else the machine does falls on both.
            report.add(
                group, label + ": PyTorch \(form) over ours", "x",
                zip(theirs, seconds).map { $0 / $1 }, target: target(form, work.precision))
        }
    }

    private func target(_ form: String, _ precision: String) -> Target? {
        switch form {
        case "equal": .atLeast(precision == "float32" ? 1.5 : 1.2)
        case "padded": .atLeast(4)
        default: nil
        }
    }

    private mutating func noteTraining(_ lengths: [Int], _ name: String, _ peer: Peer?) {
        let events = lengths.reduce(0, +)
        report.note(
            "GRU training, \(name)",
            "\(lengths.count) sequences, \(events) rows of width 64, the longest \(lengths[0]); "
                + "peer: \(peer.map { "PyTorch \($0.version)" } ?? "none")")
    }
}

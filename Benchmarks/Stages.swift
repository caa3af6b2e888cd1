import Encoders
import Kernels
import Pipeline
import Storage

/// What each stage of the data path costs, on one thread, over one log.
extension Bench {
    mutating func stages() throws {
        let (mix, _) = try mixedLog(users: mixUserCount)
        var logs = [mix]
        if !isSmall, let retail = try retailLog() { logs.insert(retail, at: 0) }
        for log in logs { try stages(log) }
    }

    private mutating func stages(_ log: PreparedLog) throws {
        say("stages: \(log.name)")
        var runs: [StagedFold.Times] = []
        for _ in 0..<repetitions {
            let state = try freshState(log, "state")
            let fold = try StagedFold(host: host, options: options(log, state: state))
            runs.append(try fold.run())
        }
        let group = "stages on one thread, \(log.name)"
        let total = percentile(runs.map(\.total), 0.5)
        let events = Double(log.events)
        let parts: [(String, KeyPath<StagedFold.Times, Double>)] = [
            ("LZ4 and lines", \.lz4), ("parse", \.parse),
            ("intake, sessions, features", \.fold), ("GRU", \.gru), ("encode", \.encode),
            ("commit", \.commit), ("all", \.total),
        ]
        for (name, path) in parts {
            report.add(
                group, "\(name): time", "us/event", runs.map { $0[keyPath: path] / events * 1e6 },
                base: total / events * 1e6)
        }
        for (name, path) in parts {
            report.add(group, "\(name): events", "/s", runs.map { events / $0[keyPath: path] })
        }
        report.add(
            group, "GRU: rows", "/s", runs.map { Double($0.steps) / $0.gru },
            target: .atLeast(150_000))
        report.note(
            group,
            "ratio: share of the whole; the pipeline overlaps LZ4 and parse "
                + "(follower) and commit (committer) with the rest")
        for run in runs {
            report.check("\(log.name), stages: records", wanted: log.records, got: run.records)
            report.check(
                "\(log.name), stages: SRA, FIP and ESA stepped over each row",
                wanted: 3 * run.rows, got: min(3 * run.rows, run.steps))
        }
        if let last = runs.last {
            report.note(
                group,
                "\(last.rows) rows of \(log.events) events, \(last.commits) commits, "
                    + "\(rounded(Double(last.decodedBytes) / Double(last.records))) bytes a record")
        }
    }

    /// Rows a second of the GRU step alone, by batch and instruction level.
    mutating func gru() throws {
        say("gru")
        let group = "GRU-256 step, rows of width 64"
        let tensors = SRAEncoder.seededTensors(
            seed: Self.seed, inputWidth: 64, hiddenWidth: 256, latentWidth: 128)
        let seconds = isSmall ? 0.01 : 0.3
        var samples: [String: [Double]] = [:]
        var names: [(name: String, isBest: Bool)] = []
        for round in 0..<(isSmall ? 3 : 5) {
            for level in InstructionLevel.supported {
                let encoder = try SRAEncoder(tensors: tensors, level: level)
                for batch in [1, 16, 64, 256] {
                    let name = "\(level.rawValue), B = \(batch)"
                    if round == 0 { names.append((name, level == .best)) }
                    samples[name, default: []].append(rowsPerSecond(encoder, batch, seconds))
                }
            }
        }
        for (name, isBest) in names {
            report.add(
                group, name, "rows/s", samples[name] ?? [],
                target: isBest ? .atLeast(150_000) : nil)
        }
    }

    private func rowsPerSecond(_ encoder: SRAEncoder, _ batch: Int, _ seconds: Double) -> Double {
        var random = SeededRandom(seed: Self.seed, stream: UInt64(batch))
        let rows = (0..<batch * encoder.inputWidth).map { _ in
            halfBits(Float(2 * random.nextUnit() - 1))
        }
        var hidden = [Float](repeating: 0, count: batch * encoder.hiddenWidth)
        var scratch = encoder.makeScratch()
        let start = host.clock.monotonicNanoseconds()
        var elapsed = 0.0
        var steps = 0
        repeat {
            for _ in 0..<max(1, 256 / batch) {
                var states = hidden.mutableSpan
                encoder.step(rows: rows.span, hidden: &states, scratch: &scratch)
                steps += batch
            }
            elapsed = Double(host.clock.monotonicNanoseconds() - start) / 1e9
        } while elapsed < seconds
        precondition(hidden.allSatisfy(\.isFinite), "the GRU left the numbers")
        return Double(steps) / elapsed
    }
}

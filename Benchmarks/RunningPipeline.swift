import Pipeline
import Storage

/// A pipeline that works in this process.
struct RunningPipeline: Sendable {
    let pipeline: LivePipeline
    private let work: Task<Void, any Error>

    /// Recovers and starts.
    init(host: Host, options: PipelineOptions) throws {
        let pipeline = try LivePipeline(host: host, options: options)
        self.pipeline = pipeline
        work = Task.detached { try await pipeline.run() }
    }

    /// Records applied so far; a `status` would cost the pipeline far more.
    func appliedCount() async throws -> Int64 {
        try await pipeline.profiles(of: [], asOf: nil).offset
    }

    /// Waits until that many records are read and folded.
    func catchUp(to records: Int64, pollMilliseconds: Int = 20) async throws {
        var polls = 0
        while try await appliedCount() < records {
            try await Task.sleep(for: .milliseconds(pollMilliseconds))
            polls += 1
            guard polls % 100 == 0 else { continue }
            let report = try await pipeline.status()
            if report.state == "stopped" {
                throw BenchError.stopped(report.degraded.joined(separator: "; "))
            }
        }
    }

    /// Commits and ends.
    func stop() async throws {
        try await pipeline.drain()
        try await work.value
    }
}

extension StatusReport {
    /// Entries of the log that were applied.
    var recordCount: Int64 { counters.read + counters.catalogue + counters.blank }
}

/// Why a benchmark could not be made.
enum BenchError: Error, CustomStringConvertible {
    case stopped(String)
    case worker(String)
    case wrong([String])
    case peerEnded

    var description: String {
        switch self {
        case .stopped(let reason): "the pipeline stopped: \(reason)"
        case .worker(let reason): "a worker process failed: \(reason)"
        case .wrong(let faults): "wrong: " + faults.joined(separator: "\n")
        case .peerEnded: "a peer ended before it answered; its message is above"
        }
    }
}

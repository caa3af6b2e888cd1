import Evaluation
import Pipeline
import Snapshots
import Storage

/// Everything that an evaluation is told from outside.
package struct EvaluationOptions: Sendable {
    /// Whose profiles are scored.
    package enum Source: Sendable, Equatable {
        /// A generation of its own, trained on what stands before the cutoff.
        ///
        /// With `twoSpaces` a second space is trained on top, of another seed: its SRA and MTL are
        /// regularised by the first one's.
        case own(twoSpaces: Bool)
        /// A generation of the state directory, folded again up to the cutoff.
        case generation(Int64)
        /// A snapshot, or any pair of `client_ids.npy` and `embeddings.npy`.
        case snapshot(path: String, unchecked: Bool)
    }

    /// The log, the state directory, the seed, and how a space is trained.
    package var job: RefreshJobOptions
    /// How profiles are folded; directories are replaced.
    package var pipeline: PipelineOptions
    package var source = Source.own(twoSpaces: false)
    /// Nil takes the challenge's, from the last purchase.
    package var cutoffSeconds: Int64?
    /// A list of users; nil asks about all with an event before the cutoff.
    package var userListPath: String?
    /// Nil takes `<state_dir>/evaluate`.
    package var workDirectory: String?
    /// Nil scores each part, the whole, the published columns, the baseline, and the oracle.
    package var rows: [EvaluationRow]?
    package var tasks = EvaluationTask.allCases
    package var network = DownstreamConfiguration.small
    /// Downstream seeds, counted up from the published 1278, ≥ 1.
    package var seedCount = 1
    /// `truth/` of a simulated shop.
    package var truthDirectory: String?
    /// Keeps the input, the generation and the snapshots.
    package var mustKeep = false
    /// Discards what an interrupted evaluation has done.
    package var mustRestart = false
    /// Whether curves and the map are wanted.
    package var wantsPage = false
    /// The newest input that forgets somebody; 0 for none.
    private(set) var lastForget: Int64 = 0

    package init(job: RefreshJobOptions, pipeline: PipelineOptions) {
        self.job = job
        self.job.kind = .newSpace
        self.pipeline = pipeline
    }

    /// Reads whole seconds since 1970, `YYYY-MM-DD`, or `YYYY-MM-DD hh:mm:ss`, UTC; nil for else.
    package static func cutoffSeconds(_ text: String) -> Int64? { EventTimeText.seconds(text) }

    /// Sees to it that these options can give each row.
    ///
    /// - Throws: `badRow` for the first that they cannot.
    func checkRows() throws(EvaluationRunError) {
        for row in rows ?? [] {
            if row.content == .oracle, truthDirectory == nil {
                throw .badRow(row.name, reason: "the oracle needs --truth DIR of a simulated shop")
            }
            if case .parts(_, isFirst: true) = row.content, source != .own(twoSpaces: true) {
                throw .badRow(
                    row.name, reason: "there is one space alone; --two-spaces makes the other")
            }
        }
    }

    /// Leaves out whoever was forgotten, by the registry of the state directory, so that nothing is
    /// learned from them and no copy of their events is made.
    mutating func skipForgotten(on disk: any Disk) throws(SnapshotError) {
        let forgets = try Registry.forgets(
            stateDirectory: job.refresh.stateDirectory, upTo: .max, on: disk)
        job.refresh.forgotten = ForgottenUsers(forgets, applied: .max)
        lastForget = forgets.last?.id ?? 0
    }

    /// Where it works.
    var directory: String { workDirectory ?? job.refresh.stateDirectory + "/evaluate" }

    /// Everything that input, generation and snapshots depend on beside the log, `key = value`.
    func settings(userList: String) -> [String] {
        let source =
            switch source {
            case .own(let twoSpaces): twoSpaces ? "two spaces" : "one space"
            case .generation(let id): "generation \(id) of \(job.refresh.stateDirectory)"
            case .snapshot: "a snapshot"
            }
        let cutoff = cutoffSeconds.map(String.init) ?? "from the last purchase"
        return [
            "cutoff = \(cutoff)", "profiles = \(source)", "users = \(userList)",
            "hybrid = \(pipeline.hybrid)", "forgotten = up to input \(lastForget)",
        ] + job.settings
    }
}

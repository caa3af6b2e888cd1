import Evaluation
import Snapshots

extension EvaluationScoring {
    /// What was scored, and how.
    func settings(_ table: EmbeddingTable) -> [EvaluationDocument.Setting] {
        typealias Setting = EvaluationDocument.Setting
        let split = subject.split
        func window(_ range: Range<Int64>) -> String {
            "\(EventTimeText.text(range.lowerBound)) to before "
                + EventTimeText.text(range.upperBound)
        }
        var settings = [
            Setting("log", options.job.refresh.logDirectory),
            Setting("cutoff", EventTimeText.text(split.cutoffSeconds) + " UTC"),
            Setting(
                "training targets",
                "\(window(split.training)): \(targets.training.purchases) purchases of "
                    + "\(targets.training.buyers) users"),
            Setting(
                "validation targets",
                "\(window(split.validation)): \(targets.validation.purchases) purchases of "
                    + "\(targets.validation.buyers) users"),
            Setting(
                "users",
                "\(targets.users.count) (\(options.userListPath ?? population)), "
                    + "\(targets.activeUserCount) of them past buyers"),
            Setting("profiles", origin),
        ]
        if let asOf = subject.manifest?.asOf {
            settings.append(Setting("as_of", EventTimeText.text(asOf) + " UTC"))
        }
        settings.append(Setting("columns", String(table.width)))
        if case .own = options.source {
            settings.append(Setting("training seed", String(options.job.refresh.seed)))
            if options.job.isQuick {
                settings.append(Setting("training", "quick: few epochs, for demonstrations"))
            }
        }
        let network = options.network
        settings.append(
            Setting(
                "downstream network",
                "\(network.name): \(network.blockCount) blocks of \(network.width) and "
                    + "\(network.hiddenWidth), 3 epochs, batches of \(network.batchSize)"))
        return settings
    }

    private var population: String {
        if case .snapshot = options.source { return "those of the snapshot" }
        return "all with an event before the cutoff"
    }

    private var origin: String {
        guard let made = subject.profiles.last else { return "" }
        return switch options.source {
        case .own(let twoSpaces):
            "generation \(made.generation) of space \(made.space), trained on what stands before the "
                + "cutoff" + (twoSpaces ? ", regularised by the space before it" : "")
        case .generation(let id): "generation \(id) of \(options.job.refresh.stateDirectory)"
        case .snapshot(let path, let unchecked):
            path + (unchecked ? ", unchecked" : ", generation \(made.generation)")
        }
    }
}

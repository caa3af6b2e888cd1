extension ConfigurationKey {
    /// The keys of `ubpd refresh`.
    static let refreshKeys: [ConfigurationKey] = [
        .integer(
            "refresh.memory_budget", \.refresh.memoryBudget, 16_777_216...17_592_186_044_416,
            "Bytes of users, interactions or factors that a step of a refresh gathers at a time."),
        .integer(
            "refresh.history_days", \.refresh.historyDays, 1...36_500,
            "Days of event time that statistics and factors are fitted to."),
        .integer(
            "refresh.label_days", \.refresh.labelDays, 1...365,
            "Days after the cut in which purchases are the labels of training and gate."),
        .integer(
            "refresh.future_days", \.refresh.futureDays, 1...365,
            "Days after the cut whose rows FIP learns to predict."),
        .integer(
            "refresh.encoders_days", \.refresh.encodersDays, 1...36_500,
            "Days of event time after which `ubpd refresh --nightly` trains the networks anew."),
        .integer(
            "refresh.threads", \.refresh.threads, 1...256,
            "Threads of trainings and of folding users; they change no result."),
        .integer(
            "refresh.niceness", \.refresh.niceness, 0...19,
            "Niceness of a refresh, 0…19; priority of its disk accesses follows it."),
        .choices(
            "refresh.parts", \.refresh.parts,
            "Networks that `ubpd refresh --encoders` trains."),
        .integer(
            "train.max_rows", \.train.maxRows, 1...65_535,
            "Rows before the cut that a user's training example keeps, the latest."),
        .integer(
            "train.epoch_users", \.train.epochUsers, 1...4_294_967_295,
            "Users that an epoch of a network or of its heads reads; the next one reads the next."),
        .choice(
            "train.precision", \.train.precision,
            "Operands of training's matrix products; bfloat16 is fast with AMX or AVX512_BF16."),
        epochs("sra", \.train.epochs.sra),
        epochs("fip", \.train.epochs.fip),
        epochs("mtl", \.train.epochs.mtl),
        epochs("mtl_propensity", \.train.epochs.mtlPropensity),
        epochs("mtl_churn", \.train.epochs.mtlChurn),
        epochs("esa", \.train.epochs.esa),
        .integer(
            "bpr.item_epochs", \.bpr.itemEpochs, 1...10_000,
            "Passes over all pairs of user and item for the factors of items."),
        .integer(
            "bpr.category_epochs", \.bpr.categoryEpochs, 1...10_000,
            "Passes over all pairs of user and category for the factors of categories."),
        .integer(
            "bpr.night_percent", \.bpr.nightPercent, 1...100,
            "How much of the way to its own factors an ordinary night goes from those before."),
    ]

    private static func epochs(_ name: String, _ place: any Place<Int>) -> Self {
        let encoder = name.replacing("_", with: "-")
        return .integer(
            "train.epochs.\(name)", place, 1...1000,
            "Epochs of \(encoder), and of its heads alone if it has any.")
    }
}

extension Configuration {
    /// What `ubpd refresh` reads and takes.
    package struct RefreshBounds: Sendable, Equatable {
        /// Estimated bytes of what a step gathers.
        package var memoryBudget: Int64 = 2_147_483_648
        package var historyDays: Int64 = 365
        package var labelDays: Int64 = 14
        package var futureDays: Int64 = 28
        /// Age of a space at which `ubpd refresh --nightly` makes another.
        package var encodersDays: Int64 = 28
        /// Threads of trainings.
        package var threads = 2
        package var niceness: Int32 = 10
        /// Networks of a new space.
        package var parts = RefreshPart.allCases
    }

    /// How the networks of a new space are trained.
    package struct TrainOptions: Sendable, Equatable {
        /// Rows before the cut that an example keeps.
        package var maxRows = 512
        /// Most users that an epoch reads; the published trainings had some 750,000.
        package var epochUsers = 1_000_000
        package var precision = TrainPrecision.float32
        package var epochs = EpochCounts()
    }

    /// Passes over all examples, by network; the published ones.
    package struct EpochCounts: Sendable, Equatable {
        package var sra = 1
        package var fip = 3
        package var mtl = 9
        package var mtlPropensity = 7
        package var mtlChurn = 6
        package var esa = 3
    }

    /// How BPR factors are trained; the published searches' results.
    package struct FactorOptions: Sendable, Equatable {
        package var itemEpochs = 427
        package var categoryEpochs = 432
        /// How much of the way from the live generation's factors a night in its space goes.
        package var nightPercent = 20
    }

    /// `refresh.parts`: the networks, by the names of their files.
    package enum RefreshPart: String, Sendable, CaseIterable {
        case sra
        case fip
        case mtl
        case mtlPropensity = "mtl-propensity"
        case mtlChurn = "mtl-churn"
        case esa
    }

    /// `train.precision`, of matrix products.
    package enum TrainPrecision: String, Sendable, CaseIterable {
        case float32
        case bfloat16
    }
}

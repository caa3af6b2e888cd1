import Encoders
import Events
import Features
import Learning
import Profiles

/// Users of the hold-out, and what several models say of them at the cut.
struct GateUsers {
    /// Those that probes are fitted to, then those that are judged; each by rank.
    let users: [UserID]
    let fitCount: Int
    /// Of the common targets.
    let labels: [TaskLabels]
    /// One a model.
    let views: [GateView]

    var fit: [Int] { Array(0..<fitCount) }
    var judged: [Int] { Array(fitCount..<users.count) }
}

/// Profiles and logits of users by one model.
struct GateView {
    let targets: TargetLists
    let layout: ProfileLayout
    let parts: [ProfilePart]
    /// `[users, D]`.
    private(set) var values: [Float] = []
    /// `[users]`; nil for a model without the head.
    private(set) var churn: [Float]?
    /// `[users, targets]`, in the order of the space's lists; nil for a model without the head.
    private(set) var categories: [Float]?
    private(set) var items: [Float]?
    /// Users with BPR scores.
    private(set) var categoryScoreCount = 0
    private(set) var itemScoreCount = 0

    init(_ model: ProfileModel, userCount: Int) {
        targets = model.targets
        layout = model.layout
        parts = model.parts
        values.reserveCapacity(userCount * model.layout.width)
        let hasPropensity = model.bank.multiTaskEncoder(.mtlPropensity) != nil
        churn = model.bank.multiTaskEncoder(.mtlChurn) == nil ? nil : []
        categories = hasPropensity && !model.targets.categories.isEmpty ? [] : nil
        items = hasPropensity && !model.targets.items.isEmpty ? [] : nil
    }

    /// Adds users who were settled by the builder.
    mutating func append(
        _ settled: [ProfileBuilder.Settled], _ builder: ProfileBuilder
    ) {
        builder.append(settled, to: &values)
        for user in settled {
            churn?.append(user.logits.churn ?? .nan)
            categories?.append(
                contentsOf: user.logits.categories.prefix(targets.categories.count))
            items?.append(contentsOf: user.logits.items.prefix(targets.items.count))
            if user.categoryScores != nil { categoryScoreCount += 1 }
            if user.itemScores != nil { itemScoreCount += 1 }
        }
    }

    /// The columns of a part; nil for one that the model has not.
    func columns(_ part: ProfilePart) -> UserColumns? {
        guard let index = parts.firstIndex(of: part) else { return nil }
        let place = layout.parts[index]
        return UserColumns(values, width: layout.width, columns: place.start..<place.end)
    }

    /// The columns of the whole profile.
    var profile: UserColumns { UserColumns(values, width: layout.width) }

    /// Whether nobody has scores that could fill a part.
    func mayBeEmpty(_ part: ProfilePart) -> Bool {
        switch part {
        case .bprItems: itemScoreCount == 0
        case .bprCategories: categoryScoreCount == 0
        default: false
        }
    }
}

extension ProfilePart {
    /// What the part may lack without being broken.
    var healthKind: PartHealth.Kind {
        switch self {
        case .sra, .mtl, .mtlPropensity, .fip, .mtlChurn, .esa: .latent
        case .bprItems, .bprCategories, .stats: .listed
        }
    }
}

import Events

/// What a user bought in the label horizon, as far as labels ask (published-system.md §5.2).
///
/// Membership, not counts: a second purchase changes nothing.
package struct PurchaseRecord: Sendable, Hashable {
    private var hasBought = false
    // Bit i stands for the i-th of a target list, whose limit is below 128.
    private var categories: UInt128 = 0
    private var items: UInt128 = 0

    /// Nothing bought yet.
    package init() {}

    /// Takes an event, which counts when it is a purchase inside the window's label horizon.
    ///
    /// The category is what the catalogue said at the event's place in the log.
    package mutating func add(
        _ event: EnrichedEvent, _ window: LabelWindow, _ targets: TargetLists
    ) {
        guard event.event.kind == .productBuy, window.labels.contains(event.event.seconds) else {
            return
        }
        hasBought = true
        if let place = targets.place(ofItem: event.event.key) { items |= 1 << UInt128(place) }
        if let category = event.category, let place = targets.place(ofCategory: category) {
            categories |= 1 << UInt128(place)
        }
    }

    /// The labels, when the horizon has passed.
    package var labels: TaskLabels {
        TaskLabels(
            churned: !hasBought, categories: Self.places(categories), items: Self.places(items))
    }

    private static func places(_ bits: UInt128) -> [UInt8] {
        (0..<UInt8(TargetLists.limit)).filter { bits >> UInt128($0) & 1 == 1 }
    }
}

import EventLog

/// A fault that a reader might have, put into what it handed out: the oracle must see it.
package enum LogMutation: CaseIterable, Sendable {
    case loses
    case doubles
    case swaps
    case invents
    case misnumbers
    case forgetsDamage

    /// `entries` with the fault in their middle; nil where nobody could tell, or there is no place.
    func apply(
        to entries: [HandedOut], _ expectations: [LineExpectation]
    ) -> [HandedOut]? {
        guard expectations.allSatisfy({ !$0.mayInvent && !$0.mayRepeat && !$0.isForgiven }) else {
            return nil
        }
        let musts = Set(
            expectations.flatMap { unit in
                unit.lines.indices.filter { unit.musts[$0] && unit.lines[$0].isObject }
                    .map { unit.lines[$0].text }
            })
        let places = entries.indices.filter { musts.contains(entries[$0].text) }
        guard places.count >= 3 else { return nil }
        let place = places[places.count / 2]
        var wrong = entries
        switch self {
        case .loses: wrong.remove(at: place)
        case .doubles: wrong.insert(entries[place], at: place + 1)
        case .swaps: wrong.swapAt(place, places[places.count / 2 + 1])
        case .invents: wrong[place].text[13] = UInt8(ascii: "7") ^ (entries[place].text[13] & 1)
        case .misnumbers: wrong[place].cursor.recordCount += 1
        case .forgetsDamage:
            // Where everything is as it was written, each refused line is exactly one damage.
            guard expectations.allSatisfy(\.isWhole),
                let damage = entries.firstIndex(where: { $0.damage != nil })
            else { return nil }
            wrong.remove(at: damage)
        }
        if self == .misnumbers || self == .invents && wrong == entries { return wrong }
        for index in wrong.indices { wrong[index].cursor.recordCount = LogOffset(index + 1) }
        return wrong == entries ? nil : wrong
    }
}

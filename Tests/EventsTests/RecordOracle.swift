import Events
import Foundation

/// What a record says, found without any of the parser's code: Foundation's JSON and calendar.
///
/// Foundation takes commas before a closing bracket, byte order marks and UTF-16, which we refuse;
/// of a key that stands there twice it keeps the last. Callers leave those records out.
enum RecordOracle {
    /// The record, or nil when it is to be refused.
    static func record(_ bytes: [UInt8]) -> Record? {
        if bytes.allSatisfy({ [0x20, 0x09, 0x0A, 0x0D].contains($0) }) { return .blank }
        guard let json = try? JSONSerialization.jsonObject(with: Data(bytes)),
            let object = json as? [String: Any], let type = object["event_type"] as? String
        else { return nil }
        if type == "product_update" { return update(object) }
        let kinds = [
            "page_visit": EventKind.pageVisit, "search_query": .searchQuery,
            "add_to_cart": .addToCart, "remove_from_cart": .removeFromCart,
            "product_buy": .productBuy,
        ]
        guard let kind = kinds[type], case .some(.some(let user)) = id(object["client_id"]),
            case .some(.some(let seconds)) = time(object["timestamp"]),
            isEventID(object["event_id"])
        else { return nil }
        var event = Event(user: UserID(rawValue: user), seconds: seconds, kind: kind)
        switch kind {
        case .searchQuery:
            guard let query = vector(object["query"]) else { return nil }
            event.query = query
        default:
            let key = object[kind == .pageVisit ? "url" : "sku"]
            guard case .some(.some(let value)) = id(key) else { return nil }
            event.key = value
        }
        return .event(event)
    }

    private static func update(_ object: [String: Any]) -> Record? {
        guard case .some(.some(let item)) = id(object["sku"]),
            let category = id(object["category"]), let name = vector(object["name"]),
            time(object["timestamp"]) != nil, let price = number(object["price"]),
            price.map({ (0...99).contains($0) }) ?? true
        else { return nil }
        return .catalogue(
            CatalogueUpdate(
                item: ItemID(rawValue: item), category: category, price: price.map(UInt8.init),
                name: name))
    }

    /// Outer nil: refused; inner nil: absent.
    private static func number(_ value: Any?) -> Int64?? {
        guard let value, !(value is NSNull) else { return .some(nil) }
        guard let number = value as? NSNumber, !"\(type(of: value))".contains("Boolean"),
            let integer = Int64("\(number)")
        else { return nil }
        return .some(integer)
    }

    private static func id(_ value: Any?) -> Int64?? {
        guard let text = value as? String else { return number(value) }
        guard text.wholeMatch(of: /0|-?[1-9][0-9]*/) != nil, let integer = Int64(text) else {
            return nil
        }
        return .some(integer)
    }

    private static func time(_ value: Any?) -> Int64?? {
        guard let text = value as? String else {
            guard let seconds = number(value) else { return nil }
            if let seconds, !(0...4_102_444_799).contains(seconds) { return nil }
            return .some(seconds)
        }
        let form = /(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)/.asciiOnlyDigits()
        guard let match = text.wholeMatch(of: form) else { return nil }
        let numbers = [match.1, match.2, match.3, match.4, match.5, match.6].compactMap { Int($0) }
        var parts = DateComponents(year: numbers[0], month: numbers[1], day: numbers[2])
        (parts.hour, parts.minute, parts.second) = (numbers[3], numbers[4], numbers[5])
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        guard let date = calendar.date(from: parts),
            calendar.dateComponents(
                [.year, .month, .day, .hour, .minute, .second], from: date) == parts,
            (0...4_102_444_799).contains(date.timeIntervalSince1970)
        else { return nil }
        return .some(Int64(date.timeIntervalSince1970))
    }

    private static func vector(_ value: Any?) -> TextVector?? {
        guard let value, !(value is NSNull) else { return .some(nil) }
        var numbers: [Int64] = []
        if let text = value as? String {
            let inner = text.trimmingCharacters(in: CharacterSet(charactersIn: " \t\r\n"))
            guard inner.hasPrefix("["), inner.hasSuffix("]"), inner.count >= 2 else { return nil }
            let separators: [Character] = [",", " ", "\t", "\r", "\n", "\r\n"]
            let words = inner.dropFirst().dropLast().split { separators.contains($0) }
            for word in words {
                guard word.wholeMatch(of: /[0-9]{1,3}/) != nil, let number = Int64(word) else {
                    return nil
                }
                numbers.append(number)
            }
        } else {
            guard let array = value as? [Any] else { return nil }
            for element in array {
                guard case .some(.some(let number)) = number(element) else { return nil }
                numbers.append(number)
            }
        }
        guard numbers.count == 16, numbers.allSatisfy({ (0...255).contains($0) }) else {
            return nil
        }
        return .some(TextVector(numbers.map(UInt8.init)))
    }

    private static func isEventID(_ value: Any?) -> Bool {
        if let text = value as? String { return text.utf8.count <= 64 }
        return number(value) != nil
    }
}

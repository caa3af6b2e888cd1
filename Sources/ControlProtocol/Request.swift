/// What ties a reply to its request (JSON-RPC 2.0, section 4).
package enum RequestID: Sendable, Equatable {
    case null
    case number(Int64)
    case text(String)

    /// The `id` member.
    package var json: JSONValue {
        switch self {
        case .null: .null
        case .number(let value): .int(value)
        case .text(let value): .string(value)
        }
    }

    /// Reads an `id` member; nil when it is neither text of at most 128 bytes, integer nor null.
    package init?(json: JSONValue) {
        switch json {
        case .null: self = .null
        case .int(let value): self = .number(value)
        case .string(let value) where value.utf8.count <= 128: self = .text(value)
        default: return nil
        }
    }
}

/// One line of a peer: a JSON-RPC 2.0 request.
package struct Request: Sendable, Equatable {
    /// Nil for a notification, which is carried out and not answered.
    package var id: RequestID?
    /// As it came; maybe no method at all.
    package var method: String
    /// Members by name.
    package var params: [JSONValue.Member]

    package init(id: RequestID?, method: String, params: [JSONValue.Member] = []) {
        self.id = id
        self.method = method
        self.params = params
    }

    /// The line, without its newline.
    package var encoded: [UInt8] {
        var members: [JSONValue.Member] = [.init("jsonrpc", "2.0")]
        if let id { members.append(.init("id", id.json)) }
        members.append(.init("method", .string(method)))
        if !params.isEmpty { members.append(.init("params", .object(params))) }
        return JSONValue.object(members).encoded
    }

    /// Why a line is no request, with the id to answer under when it had one.
    package struct Refusal: Error, Equatable {
        package let id: RequestID
        package let error: ControlError

        /// Makes the reply's parts.
        package init(id: RequestID, error: ControlError) {
            self.id = id
            self.error = error
        }
    }

    /// Reads a line.
    package init(line: [UInt8], byteLimit: Int) throws(Refusal) {
        let value: JSONValue
        do { value = try JSONParser.parse(line, byteLimit: byteLimit) } catch {
            throw Refusal(
                id: .null,
                error: .init(
                    .parseError, "not a JSON text: \(error)",
                    hint: "send one JSON object a line, in UTF-8"))
        }
        try self.init(json: value)
    }

    /// Reads a parsed line.
    package init(json: JSONValue) throws(Refusal) {
        var found = RequestID.null
        if let json = json["id"], let id = RequestID(json: json) { found = id }
        func refusal(_ message: String, _ hint: String) -> Refusal {
            Refusal(id: found, error: .init(.invalidRequest, message, hint: hint))
        }
        guard case .object(let members) = json else {
            throw refusal(
                "a request is an object, not \(json.kind)",
                "send requests one a line; batches are not taken")
        }
        guard json["jsonrpc"] == "2.0" else {
            throw refusal("`jsonrpc` is not \"2.0\"", "send \"jsonrpc\":\"2.0\"")
        }
        if let json = json["id"], RequestID(json: json) == nil {
            throw refusal(
                "`id` is \(json.kind)", "send an integer or a string of at most 128 bytes")
        }
        guard let method = json["method"]?.text, method.utf8.count <= 128 else {
            throw refusal("`method` is missing or no text", "name a method, such as \"status\"")
        }
        let known: Set<String> = ["jsonrpc", "id", "method", "params"]
        if let other = members.first(where: { !known.contains($0.name) }) {
            throw refusal(
                "`\(other.name)` is no member of a request", "put parameters into `params`")
        }
        self.init(id: json["id"] == nil ? nil : found, method: method)
        switch json["params"] {
        case .none: break
        case .object(let members): params = members
        case .some(let other):
            throw Refusal(
                id: found,
                error: .init(
                    .invalidParams, "`params` is \(other.kind)",
                    hint: "send an object with parameters by name"))
        }
    }
}

/// The answer to a request.
package struct Reply: Sendable, Equatable {
    package var id: RequestID
    package var result: Result<JSONValue, ControlError>

    package init(id: RequestID, result: Result<JSONValue, ControlError>) {
        self.id = id
        self.result = result
    }

    /// The line, newline included.
    package var line: [UInt8] {
        var bytes: [UInt8] = []
        let answer: JSONValue.Member
        switch result {
        case .success(let value): answer = .init("result", value)
        case .failure(let error): answer = .init("error", error.json)
        }
        JSONValue.object([.init("jsonrpc", "2.0"), .init("id", id.json), answer])
            .write(to: &bytes)
        bytes.append(0x0A)
        return bytes
    }

    /// Reads a line of the daemon of at most `byteLimit` bytes; a batch is some megabytes.
    package init(line: [UInt8], byteLimit: Int) throws(JSONError) {
        let value = try JSONParser.parse(line, byteLimit: byteLimit)
        guard value["jsonrpc"] == "2.0", let id = value["id"].flatMap(RequestID.init(json:)) else {
            throw .unexpected(position: 0, want: "a JSON-RPC 2.0 reply")
        }
        switch (value["result"], value["error"]) {
        case (.some(let result), .none): self.init(id: id, result: .success(result))
        case (.none, .some(let error)):
            self.init(id: id, result: .failure(ControlError(json: error)))
        default: throw .unexpected(position: 0, want: "either `result` or `error`")
        }
    }
}

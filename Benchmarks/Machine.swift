import Kernels
import Storage

/// What the figures were measured on.
struct Machine: Codable, Sendable {
    var processor: String
    var cores: Int
    var level: String

    /// This machine, by proc(5).
    init(_ disk: any Disk) throws {
        let lines = try disk.text(of: "/proc/cpuinfo", limit: 8 << 20).split(separator: "\n")
        let model = lines.first { $0.hasPrefix("model name") }
        processor = model?.split(separator: ":").last.map { String($0.dropFirst()) } ?? "unknown"
        cores = lines.count { $0.hasPrefix("processor") }
        level = InstructionLevel.best.rawValue
    }

    var line: String { "\(processor), \(cores) cores, kernels \(level)" }
}

/// What this process has used, by proc(5).
struct Usage {
    private let disk: any Disk

    init(_ disk: any Disk) { self.disk = disk }

    /// Bytes in memory now.
    func residentByteCount() throws -> Int64 {
        let lines = try disk.text(of: "/proc/self/status", limit: 1 << 20).split(separator: "\n")
        let words = lines.first { $0.hasPrefix("VmRSS") }?.split(whereSeparator: {
            $0 == " " || $0 == "\t"
        })
        guard let words, words.count > 1, let kilobytes = Int64(words[1]) else { return 0 }
        return kilobytes * 1024
    }

    /// Seconds on a processor so far, by the name of the thread, of all threads alive.
    func threadSeconds() throws -> [String: Double] {
        var seconds: [String: Double] = [:]
        for name in try disk.names(in: "/proc/self/task") {
            // A thread may end between the listing and the reading.
            guard let line = try? disk.text(of: "/proc/self/task/\(name)/schedstat", limit: 4096),
                let comm = try? disk.text(of: "/proc/self/task/\(name)/comm", limit: 4096),
                let first = line.split(separator: " ").first, let time = Double(first)
            else { continue }
            seconds[String(comm.dropLast()), default: 0] += time / 1e9
        }
        return seconds
    }

    /// Seconds on a processor so far, of all threads alive.
    func seconds() throws -> Double { try threadSeconds().values.reduce(0, +) }
}

variable "service" {
  description = "Whose calls are allowed, as calls.json has it."
  type        = string

  validation {
    condition     = contains([for call in jsondecode(file("${path.module}/calls.json")) : call.service], var.service)
    error_message = "No call of a service ${var.service} is known; known are ${join(", ", sort(distinct([for call in jsondecode(file("${path.module}/calls.json")) : call.service])))}."
  }
}

variable "resources" {
  description = "Kind of resource, as calls.json has it, to the ARNs that are meant; an empty list leaves its calls out."
  type        = map(list(string))
}

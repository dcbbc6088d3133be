module "names" {
  source      = "../names"
  environment = var.environment
}

locals {
  zones = {
    raw        = "Records as they were received, files as they landed, and the archive"
    processed  = "Tables of events, dead letters and late ones"
    curated    = "Windows, transforms and marts"
    landing    = "Files that partners hand in"
    logs       = "The trail of the account's calls"
    stream     = "The stream and the commit log"
    warehouse  = "The warehouse"
    operations = "Log groups, topics, queues, secrets, state machines and images"
  }
}

resource "aws_kms_key" "zone" {
  for_each = local.zones

  description             = each.value
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat(local.everywhere, try(local.services[each.key], []))
  })
}

resource "aws_kms_alias" "zone" {
  for_each = local.zones

  name          = replace(module.names.patterns.key, "{zone}", each.key)
  target_key_id = aws_kms_key.zone[each.key].key_id
}

#include "unit.h"

CU_TestInfo base_field_tests[] = {
	CU_TEST_INFO_NULL,
};

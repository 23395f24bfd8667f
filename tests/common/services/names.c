#include "unit.h"

CU_TestInfo services_names_tests[] = {
	CU_TEST_INFO_NULL,
};
